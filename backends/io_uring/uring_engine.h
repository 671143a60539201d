// What the list of engines has of io_uring(7).
#pragma once

#include "backends/socket/socket_factory.h"

namespace backends::io_uring {

socket::Engine engine();

}  // namespace backends::io_uring
