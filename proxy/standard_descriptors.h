// stdin, stdout and stderr must be open before anything else is: a program started without one of
// them (2>&-) would get a client's socket as descriptor 2, and write its log to that client.
// Called first by main.
#pragma once

namespace proxy {

// Opens /dev/null in place of each of the three that is closed.
void open_standard_descriptors();

}  // namespace proxy
