#include "criu_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace cg::demo {
namespace {

constexpr std::array<std::pair<std::string_view, Omission>, 7> names{{
    {"session", Omission::session},
    {"external", Omission::external},
    {"pause", Omission::pause},
    {"freeze-cgroup", Omission::freeze_cgroup},
    {"mntns-compat", Omission::compat_mode},
    {"inherit-fd", Omission::inherit_pipes},
    {"manage-cgroups", Omission::cgroups},
}};

// A restore option that a range of versions needs on a kernel with a certain rule: from the first version
// that knows the option to the first that does not need it any more.
struct RestoreQuirk {
  CriuVersion since;
  CriuVersion fixed;
  PropagationRule rule;
  std::string_view option;
  Omission omission;
};

constexpr std::array quirks{
    // The mounts-v2 engine changed the propagation of the new mounts from outside of their namespace:
    // "mnt-v2: Failed to
    // make mount N slave: Invalid argument". Since 4.1.1 it enters the namespace first. The older engine
    // never did it.
    RestoreQuirk{{3, 17, 0},
                 {4, 1, 1},
                 PropagationRule::own_namespace_only,
                 "--mntns-compat-mode",
                 Omission::compat_mode},
};

// "soft" moves the tasks back into their cgroup and makes their cgroup namespace, but leaves the settings of
// a cgroup that exists (the runtime has made it anew) alone. With "ignore" they come back in criu's own
// cgroup and namespace; "strict" refuses a cgroup that exists.
std::string cgroup_mode(const Omissions& omit) {
  return omit.contains(Omission::cgroups) ? "--manage-cgroups=ignore" : "--manage-cgroups=soft";
}

}  // namespace

std::string CriuVersion::text() const {
  return sublevel == 0 ? fmt::format("{}.{}", major, minor) : fmt::format("{}.{}.{}", major, minor, sublevel);
}

Result<CriuVersion> parse_criu_version(std::string_view output) {
  for (const auto line : split_lines(output)) {
    constexpr std::string_view prefix = "Version:";
    if (!line.starts_with(prefix)) continue;
    CriuVersion version;
    const std::string_view text = trim(line.substr(prefix.size()));
    const char* at = text.data();
    const char* const end = at + text.size();
    std::array<int*, 3> parts{&version.major, &version.minor, &version.sublevel};
    std::size_t seen = 0;
    for (int* part : parts) {
      const auto [next, error] = std::from_chars(at, end, *part);
      if (error != std::errc()) break;
      ++seen;
      at = next;
      if (at == end || *at != '.') break;
      ++at;
    }
    if (seen >= 2) return version;
    return refused(fmt::format("criu --version: '{}' is not a version", text));
  }
  return refused("criu --version printed no line 'Version: …'; is it criu?");
}

Result<Omission> parse_omission(const std::string& name) {
  const auto found = std::ranges::find(names, name, &std::pair<std::string_view, Omission>::first);
  if (found != names.end()) return found->second;
  return usage_error(
      fmt::format("--without {}: nothing of that name{}", name, did_you_mean(name, omission_names())));
}

std::vector<std::string> omission_names() {
  std::vector<std::string> result;
  for (const auto& [name, omission] : names) result.emplace_back(name);
  return result;
}

std::vector<std::string> dump_command(const DumpRequest& request, const Omissions& omit) {
  std::vector<std::string> argv{request.criu,   "dump",           "--tree", std::to_string(request.pid),
                                "--images-dir", request.images,   "-v4",    "--log-file",
                                request.log,    cgroup_mode(omit)};
  // A frozen task cannot run the code that criu puts into it; told the cgroup, criu thaws it once it holds
  // every task.
  if (!omit.contains(Omission::pause) && !omit.contains(Omission::freeze_cgroup))
    argv.insert(argv.end(), {"--freeze-cgroup", request.cgroup});
  // Bound from the guest: their master is in no mount namespace of the container, and a file has no root of
  // its own.
  if (!omit.contains(Omission::external))
    for (const Bind& bind : request.binds)
      argv.insert(argv.end(), {"--external", fmt::format("mnt[{}]:{}", bind.destination.string(), bind.key)});
  return argv;
}

std::vector<std::string> restore_command(const CriuVersion& version, PropagationRule rule,
                                         const RestoreRequest& request, const Omissions& omit) {
  std::vector<std::string> argv{
      request.criu, "restore",       "--images-dir",   request.images, "-v4",
      "--log-file", request.log,     "--root",         request.root,   "--restore-detached",
      "--pidfile",  request.pidfile, cgroup_mode(omit)};
  for (const RestoreQuirk& quirk : quirks)
    if (version >= quirk.since && version < quirk.fixed && rule == quirk.rule &&
        !omit.contains(quirk.omission))
      argv.emplace_back(quirk.option);
  if (!omit.contains(Omission::external))
    for (const Bind& bind : request.binds)
      argv.insert(argv.end(), {"--external", fmt::format("mnt[{}]:{}", bind.key, bind.source.string())});
  if (!omit.contains(Omission::inherit_pipes))
    for (const InheritedPipe& pipe : request.pipes)
      argv.insert(argv.end(), {"--inherit-fd", fmt::format("fd[{}]:pipe:[{}]", pipe.fd, pipe.inode)});
  return argv;
}

}  // namespace cg::demo
