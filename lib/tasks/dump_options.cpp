#include "tasks/dump_options.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "procfs/scan.h"

namespace cg::tree {
namespace {

// "4M", "1g", "100": as CRIU's parse_size reads it.
std::uint64_t parse_size(std::string_view text) {
  constexpr std::string_view units = "kKmMgG";
  const std::size_t unit = text.empty() ? std::string_view::npos : units.find(text.back());
  if (unit != std::string_view::npos) text.remove_suffix(1);
  const std::size_t shift = unit == std::string_view::npos ? 0 : (unit / 2 + 1) * 10;
  return procfs::to_number<std::uint64_t>(text).value_or(0) << shift;
}

void take_external(DumpOptions& options, std::string_view value) {
  const std::size_t close = value.find(']');
  if (value.starts_with("mnt[]")) {
    options.automatic_mounts = true;
    // CRIU looks at one letter: "ms" is taken for "m".
    const std::string_view letter = value.size() > 6 && value[5] == ':' ? value.substr(6, 1) : "";
    options.external_masters |= letter == "m";
    options.external_sharing |= letter == "s";
  } else if (value.starts_with("mnt[") && close != std::string_view::npos) {
    options.external_mounts.emplace(value.substr(4, close - 4));
  } else if (close != std::string_view::npos) {
    options.external_keys.emplace(value.substr(0, close + 1));
  }
}

}  // namespace

DumpOptions::DumpOptions(const CriuCommand& command) {
  constexpr std::array<std::pair<std::string_view, bool DumpOptions::*>, 11> switches{{
      {"shell-job", &DumpOptions::shell_job},
      {"file-locks", &DumpOptions::file_locks},
      {"tcp-established", &DumpOptions::tcp_established},
      {"tcp-close", &DumpOptions::tcp_close},
      {"skip-in-flight", &DumpOptions::skip_in_flight},
      {"link-remap", &DumpOptions::link_remap},
      {"evasive-devices", &DumpOptions::evasive_devices},
      {"force-irmap", &DumpOptions::force_irmap},
      {"allow-uprobes", &DumpOptions::allow_uprobes},
      {"enable-external-masters", &DumpOptions::external_masters},
      {"enable-external-sharing", &DumpOptions::external_sharing},
  }};
  for (const auto& [name, member] : switches) this->*member = command.has(name);
  unix_sockets = command.has("ext-unix-sk") && !command.value("ext-unix-sk");
  for (const auto& list : command.values("ext-unix-sk"))
    for (const auto& inode : split(list, ',')) external_keys.insert("unix[" + inode + "]");
  for (const auto& value : command.values("external")) take_external(*this, value);
  for (const auto& value : command.values("ext-mount-map")) {
    if (value == "auto")
      automatic_mounts = true;
    else
      external_mounts.insert(value.substr(0, value.find(':')));
  }
  for (const auto& path : command.values("skip-mnt")) skipped_mounts.insert(path);
  locks_by_iptables = command.value("network-lock").value_or("iptables") == "iptables";
  for (const auto& path : command.values("irmap-scan-path")) scanned_paths.insert(path);
  for (const auto& list : command.values("enable-fs")) {
    all_file_systems |= list == "all";
    for (const auto& name : split(list, ',')) file_systems.insert(name);
  }
  if (const auto limit = command.value("ghost-limit")) ghost_limit = parse_size(*limit);
  images_directory = command.value("images-dir").value_or("");
  freeze_cgroup = command.value("freeze-cgroup").value_or("");
  while (freeze_cgroup.size() > 1 && freeze_cgroup.ends_with('/')) freeze_cgroup.pop_back();
}

}  // namespace cg::tree
