// How binding a socket here would end.
#pragma once

#include "checkpoint/checkpoint.h"
#include "restore/place.h"

namespace cg::restore {

Binding try_to_bind(const checkpoint::InternetSocket& socket);
// With an abstract name.
Binding try_to_bind(const checkpoint::UnixSocket& socket);

}  // namespace cg::restore
