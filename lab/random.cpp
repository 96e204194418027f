#include "random.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "task.h"
#include "task_random.h"

namespace cg::lab {
namespace {

using Names = std::vector<std::string_view>;

// What CRIU saves as it is; what it saves with an option; what it refuses. Only so that not nearly every tree
// is refused: what becomes of each is for kcheck to say and for CRIU to show.
const Names saved = {"unix-pair",
                     "unix-listen",
                     "tcp-listen",
                     "udp",
                     "udp-unbound",
                     "tcp-closed",
                     "raw",
                     "packet",
                     "netlink",
                     "posix-timer",
                     "eventfd",
                     "signalfd",
                     "timerfd",
                     "epoll",
                     "inotify",
                     "memfd",
                     "threads",
                     "child",
                     "zombie",
                     "stopped-child",
                     "seccomp",
                     "pty-pair",
                     "pipe-pair",
                     "deleted-small",
                     "kmsg",
                     "netlink-group",
                     "zero-mapping",
                     "inotify-gone",
                     "own-namespace-fd",
                     "own-thread-file",
                     "unix-in-flight",
                     "map-files",
                     "pidfd-dead",
                     "fanotify",
                     "deleted-directory"};
const Names optional = {"deleted-2M",          "deleted-sparse",
                        "renamed-away",        "flock",
                        "posix-lock",          "tcp-pair",
                        "tcp-outside",         "tcp-in-flight",
                        "unix-stream-outside", "unix-datagram-outside",
                        "deleted-mapping",     "tcp-reset"};
const Names refused_kinds = {"userfaultfd",
                             "perf",
                             "bpf-map",
                             "pidfd",
                             "pidfd-outside",
                             "vsock",
                             "alg",
                             "ping",
                             "packet-pipe",
                             "misc-device",
                             "block-device",
                             "sysv-shm",
                             "vfork",
                             "netlink-unread",
                             "namespace-fd",
                             "thread-file",
                             "udp-corked",
                             "unix-in-flight-data",
                             "unix-in-flight-closed",
                             "unix-in-flight-outside",
                             "unix-elsewhere",
                             "unix-unreachable",
                             "orphan-of-subreaper",
                             "buried-file",
                             "child-uts-namespace",
                             "child-ipc-namespace",
                             "child-pid-namespace",
                             "shared-directory",
                             "self-traced-child"};
constexpr std::array<std::string_view, 12> places{
    "session",        "session",         "session",       "no-session",    "piped",
    "pid-namespace",  "mount-namespace", "ipc-namespace", "uts-namespace", "container-no-binds",
    "time-namespace", "container"};

// Who or what these lead to is not in a container.
bool is_of_the_guest(std::string_view name) {
  const Names names = {"unix-stream-outside",
                       "unix-datagram-outside",
                       "unix-in-flight-outside",
                       "unix-elsewhere",
                       "misc-device",
                       "block-device",
                       "kmsg",
                       "vsock",
                       "alg"};
  return std::ranges::find(names, name) != names.end();
}

std::string_view one_of(Dice& dice, const Names& names) {
  return names.at(dice.below(names.size()));
}

// The task's own paths, rights and time are as the others find them: what changes them comes last.
const Names& last_of_all() {
  static const Names names{"chroot", "other-user"};
  return names;
}

}  // namespace

Case random_case(std::uint64_t seed) {
  Dice dice(seed * 7919 + 1);
  Case one;
  one.id = fmt::format("seed-{}", seed);
  one.place = places.at(dice.below(places.size()));
  const bool container = one.place.starts_with("container");
  const auto hold = [&](std::string name) {
    const bool nowhere = container && is_of_the_guest(name);
    if (!nowhere && std::ranges::find(one.holds, name) == one.holds.end())
      one.holds.push_back(std::move(name));
  };
  for (auto count = dice.below(4); count > 0; --count) hold(std::string(one_of(dice, saved)));
  const auto names = chances();
  for (auto count = 1 + dice.below(4); count > 0; --count)
    hold(fmt::format("{}:{}", names.at(dice.below(names.size())), dice.below(100000)));
  if (dice.one_in(3)) hold(std::string(one_of(dice, optional)));
  if (dice.one_in(6)) hold(std::string(one_of(dice, refused_kinds)));
  // The C library ends a program whose threads do not get the same user.
  const bool has_odd_threads = std::ranges::any_of(
      one.holds, [](const std::string& name) { return name.starts_with("threads-of-kinds"); });
  if (const auto last = one_of(dice, last_of_all());
      dice.one_in(12) && !container && !(has_odd_threads && last == "other-user"))
    hold(std::string(last));
  if (dice.one_in(10)) one.after.emplace_back("stranger");
  one.what = fmt::format("at '{}': {}{}", one.place, join(one.holds, " "),
                         one.after.empty() ? "" : "; then " + join(one.after, " "));
  return one;
}

}  // namespace cg::lab
