// What the list of engines has of epoll(7).
#pragma once

#include "backends/socket/socket_factory.h"

namespace backends::epoll {

// epoll is in every Linux that can run this binary.
socket::Engine engine();

}  // namespace backends::epoll
