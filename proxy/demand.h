// How many connections to an endpoint should stand ready, from what sessions ask for: those that
// will be asked for while a new one is being made (rate x connect time), and some for the fact that
// sessions do not come evenly. It rises at once and falls by half in a second, so it follows a
// load that ends within seconds and does not swing with one that goes on.
//
// One for each endpoint's pool; on the worker's thread. Reads no clock; allocates nothing.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace proxy {

class Demand {
 public:
  // Sessions are counted in windows of this length.
  static constexpr base::Nanos kWindow = std::chrono::milliseconds(250);

  // A session asked for a connection, whether there was one or not. now never goes back.
  void asked(base::Nanos now);
  // A connect succeeded and took so long.
  void connected(base::Nanos took);
  // Closes the windows that have ended. Call it at next_change().
  void advance(base::Nanos now);

  // Connections that should be ready or on their way; 0 without demand.
  std::uint32_t predicted() const;
  // The smoothed connect time; 0 before the first.
  base::Nanos connect_time() const { return connect_time_; }
  // When time alone changes the prediction; kForever when it does not.
  base::Nanos next_change() const;

 private:
  bool quiet() const { return rate_ == 0 && burst_ == 0 && in_window_ == 0; }
  void close_window();

  base::Nanos window_began_{0};
  std::uint32_t in_window_ = 0;  // Sessions of the window that is open.
  base::Nanos last_asked_{0};
  std::uint32_t together_ = 0;   // Sessions that asked at last_asked_: in one turn of the loop.
  std::uint32_t burst_now_ = 0;  // The largest of those in the open window.
  double rate_ = 0;              // Sessions a second.
  double burst_ = 0;             // Sessions that came in one turn.
  base::Nanos connect_time_{0};
};

}  // namespace proxy
