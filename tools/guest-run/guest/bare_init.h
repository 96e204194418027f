// The init of a guest whose image has none, or is not to run its own.
#pragma once

namespace cg::guest {

// proc, sysfs, devtmpfs, devpts, tmpfs on /dev/shm, /run and /tmp, cgroup2; `lo` up; a host name.
void set_up_bare_system();
// Reaps whatever dies until `service` does, then switches the machine off.
[[noreturn]] void reap_until(int service);

}  // namespace cg::guest
