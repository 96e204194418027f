#include "probes/probe.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace cg::probes {
namespace {

std::string capability_name(int capability) {
  switch (capability) {
    case CAP_SYS_ADMIN:
      return "CAP_SYS_ADMIN";
    case CAP_NET_ADMIN:
      return "CAP_NET_ADMIN";
    case CAP_NET_RAW:
      return "CAP_NET_RAW";
    case CAP_SYS_PTRACE:
      return "CAP_SYS_PTRACE";
    case CAP_CHECKPOINT_RESTORE:
      return "CAP_CHECKPOINT_RESTORE";
    case CAP_SYS_RESOURCE:
      return "CAP_SYS_RESOURCE";
    default:
      return fmt::format("capability {}", capability);
  }
}

}  // namespace

const std::vector<Probe>& all_probes() {
  static const std::vector<Probe> probes = [] {
    std::vector<Probe> list;
    for (const auto& part : {proc_probes(), syscall_probes(), file_probes(), network_probes(), diag_probes(),
                             ptrace_probes(), mount_probes(), vdso_probes(), helper_probes()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return probes;
}

const Probe* find_probe(std::string_view name) {
  const auto& probes = all_probes();
  const auto found = std::ranges::find(probes, name, &Probe::name);
  return found == probes.end() ? nullptr : &*found;
}

std::vector<std::string> probe_names() {
  std::vector<std::string> names;
  for (const auto& probe : all_probes()) names.emplace_back(probe.name);
  return names;
}

ProbeResult pass(std::string detail) {
  return {Status::pass, std::move(detail)};
}
ProbeResult fail(std::string detail) {
  return {Status::fail, std::move(detail)};
}
ProbeResult unknown(std::string detail) {
  return {Status::unknown, std::move(detail)};
}
ProbeResult not_applicable(std::string detail) {
  return {Status::not_applicable, std::move(detail)};
}

ProbeResult failed_call(const std::string& what, int error, int capability) {
  std::string text = fmt::format("{}: {}", what, std::strerror(error));
  if ((error == EPERM || error == EACCES) && capability >= 0 && !has_capability(capability))
    return unknown(fmt::format("{} (needs {})", text, capability_name(capability)));
  return fail(std::move(text));
}

bool has_capability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data.at(static_cast<std::size_t>(capability) / 32).effective >> (capability % 32)) & 1U;
}

}  // namespace cg::probes
