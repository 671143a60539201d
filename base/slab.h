// A table of objects with stable addresses, named by slot and generation. A name whose object has
// gone is recognised (its generation is old), so a late event for a reused slot is harmless.
// One thread. Memory comes in chunks on first use and is kept; the capacity never changes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace base {

struct SlotId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0 names nothing: a generation starts at 1.

  friend bool operator==(const SlotId&, const SlotId&) = default;
};

template <typename T>
class Slab {
 public:
  explicit Slab(std::size_t capacity) : capacity_(capacity) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for_each([this](SlotId id, T&) { erase(id); });
  }

  // Null id (generation 0) when the slab is full.
  template <typename... Args>
  SlotId emplace(Args&&... args) {
    if (size_ == capacity_) return {};
    if (free_ == kNoSlot) grow();
    const std::uint32_t slot = free_;
    Cell& cell = cell_at(slot);
    free_ = cell.next_free();
    new (cell.storage) T(std::forward<Args>(args)...);
    cell.used = true;
    ++size_;
    return {slot, cell.generation};
  }

  // The object, or null when the name is stale.
  T* find(SlotId id) {
    if (id.slot >= chunks_.size() * kChunk) return nullptr;
    Cell& cell = cell_at(id.slot);
    return cell.used && cell.generation == id.generation ? cell.object() : nullptr;
  }
  const T* find(SlotId id) const { return const_cast<Slab*>(this)->find(id); }  // NOLINT

  // The object must be there.
  T& operator[](SlotId id) {
    T* object = find(id);
    CHECK(object != nullptr);
    return *object;
  }

  void erase(SlotId id) {
    (*this)[id].~T();
    Cell& cell = cell_at(id.slot);
    cell.used = false;
    if (++cell.generation == 0) cell.generation = 1;
    cell.set_next_free(std::exchange(free_, id.slot));
    --size_;
  }

  // Visits in slot order. The visitor may erase the object it is given, and no other.
  template <typename Visitor>
  void for_each(Visitor visitor) {
    visit(0, chunks_.size() * kChunk, visitor);
  }

  // The same for `count` slots from `first` on: a long walk in short steps. Returns the slot to go
  // on from, or 0 when the end was reached.
  template <typename Visitor>
  std::uint32_t visit(std::uint32_t first, std::size_t count, Visitor visitor) {
    const std::size_t end = std::min(chunks_.size() * kChunk, first + count);
    for (std::uint32_t slot = first; slot < end; ++slot) {
      Cell& cell = cell_at(slot);
      if (cell.used) visitor(SlotId{slot, cell.generation}, *cell.object());
    }
    return end < chunks_.size() * kChunk ? static_cast<std::uint32_t>(end) : 0;
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool full() const { return size_ == capacity_; }

 private:
  // Large enough to make growing rare, small enough that an idle worker stays small.
  static constexpr std::size_t kChunk = 256;

  static constexpr std::uint32_t kNoSlot = 0xffffffff;

  struct Cell {
    // While it is free: the next free slot. A list of its own would be more memory for each object.
    alignas(T) std::byte storage[std::max(sizeof(T), sizeof(std::uint32_t))];
    std::uint32_t generation = 1;
    bool used = false;
    T* object() { return std::launder(reinterpret_cast<T*>(storage)); }
    std::uint32_t next_free() const {
      std::uint32_t slot = 0;
      std::memcpy(&slot, storage, sizeof(slot));
      return slot;
    }
    void set_next_free(std::uint32_t slot) { std::memcpy(storage, &slot, sizeof(slot)); }
  };

  Cell& cell_at(std::uint32_t slot) { return chunks_[slot / kChunk][slot % kChunk]; }

  void grow() {
    const auto first = static_cast<std::uint32_t>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<Cell[]>(kChunk));
    for (std::uint32_t i = kChunk; i-- > 0;) {
      cell_at(first + i).set_next_free(std::exchange(free_, first + i));
    }
  }

  std::size_t capacity_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Cell[]>> chunks_;
  std::uint32_t free_ = kNoSlot;  // Last in, first out: the slot still in the cache is next.
};

}  // namespace base
