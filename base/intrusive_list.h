// A list whose links are in its members: joining and leaving never allocate, and leaving needs no
// search. A member is in at most one list at a time for each ListLink it has, and must leave before
// it is destroyed or moved. Owns nothing. One thread.
#pragma once

#include <cstddef>

#include "base/assert.h"

namespace base {

template <typename T>
struct ListLink {
  T* next = nullptr;
  T* prev = nullptr;
  bool listed = false;
};

template <typename T, ListLink<T> T::*Link>
class IntrusiveList {
 public:
  IntrusiveList() = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() = default;

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // Null when empty.
  T* front() const { return first_; }
  // Null behind the last one.
  static T* next(const T& member) { return (member.*Link).next; }

  // The member must be in no list.
  void push_back(T& member) {
    ListLink<T>& link = member.*Link;
    CHECK(!link.listed);
    link = {.next = nullptr, .prev = last_, .listed = true};
    (last_ != nullptr ? (last_->*Link).next : first_) = &member;
    last_ = &member;
    ++size_;
  }

  // The member must be in this list.
  void erase(T& member) {
    ListLink<T>& link = member.*Link;
    CHECK(link.listed && size_ > 0);
    (link.prev != nullptr ? (link.prev->*Link).next : first_) = link.next;
    (link.next != nullptr ? (link.next->*Link).prev : last_) = link.prev;
    link = {};
    --size_;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace base
