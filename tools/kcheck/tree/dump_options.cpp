#include "tree/dump_options.h"

#include "base/text.h"
#include "procfs/scan.h"

namespace cg::tree {
namespace {

// "4M", "1g", "100": as CRIU's parse_size reads it.
std::uint64_t parse_size(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty()) {
    const char suffix = text.back();
    unit = suffix == 'k' || suffix == 'K'   ? 1ULL << 10
           : suffix == 'm' || suffix == 'M' ? 1ULL << 20
           : suffix == 'g' || suffix == 'G' ? 1ULL << 30
                                            : 1;
    if (unit != 1) text.remove_suffix(1);
  }
  return procfs::to_number<std::uint64_t>(text).value_or(0) * unit;
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

// The value of `name` at `at`: "--name=value" or the next word, which is then taken.
std::optional<std::string> value_of(const std::vector<std::string>& words, std::size_t& at, std::string_view name) {
  const std::string& word = words[at];
  if (word == name) return at + 1 < words.size() ? std::optional(words[++at]) : std::nullopt;
  if (word.starts_with(std::string(name) + "=")) return word.substr(name.size() + 1);
  return std::nullopt;
}

}  // namespace

DumpOptions DumpOptions::parse(const std::vector<std::string>& words) {
  DumpOptions options;
  struct Switch {
    std::string_view name;
    bool DumpOptions::* member;
  };
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    for (const Switch& one :
         {Switch{"--shell-job", &DumpOptions::shell_job}, Switch{"--file-locks", &DumpOptions::file_locks},
          Switch{"--tcp-established", &DumpOptions::tcp_established}, Switch{"--tcp-close", &DumpOptions::tcp_close},
          Switch{"--skip-in-flight", &DumpOptions::skip_in_flight}, Switch{"--link-remap", &DumpOptions::link_remap},
          Switch{"--evasive-devices", &DumpOptions::evasive_devices},
          Switch{"--force-irmap", &DumpOptions::force_irmap},
          Switch{"--allow-uprobes", &DumpOptions::allow_uprobes},
          Switch{"--ext-unix-sk", &DumpOptions::unix_sockets}, Switch{"-x", &DumpOptions::unix_sockets},
          Switch{"--enable-external-masters", &DumpOptions::external_masters},
          Switch{"--enable-external-sharing", &DumpOptions::external_sharing}})
      if (word == one.name) options.*one.member = true;
    // Letters without a value may stand together: -jl.
    if (word.size() > 1 && word[0] == '-' && word.find_first_not_of("jlsRdS", 1) == std::string::npos) {
      options.shell_job |= word.contains('j');
      options.file_locks |= word.contains('l');
    }
    if (const auto value = value_of(words, at, "--external")) take_external(options, *value);
    for (const std::string_view name : {"--ext-mount-map", "-M"})
      if (const auto value = value_of(words, at, name)) {
        if (*value == "auto")
          options.automatic_mounts = true;
        else
          options.external_mounts.insert(value->substr(0, value->find(':')));
      }
    if (word.starts_with("--ext-unix-sk="))
      for (const auto& inode : split(word.substr(14), ',')) options.external_keys.insert("unix[" + inode + "]");
    if (const auto value = value_of(words, at, "--skip-mnt")) options.skipped_mounts.insert(*value);
    if (const auto value = value_of(words, at, "--freeze-cgroup")) options.freeze_cgroup = *value;
    if (const auto value = value_of(words, at, "--ghost-limit")) options.ghost_limit = parse_size(*value);
    if (const auto value = value_of(words, at, "--enable-fs")) {
      options.all_file_systems |= *value == "all";
      for (const auto& name : split(*value, ',')) options.file_systems.insert(name);
    }
  }
  while (options.freeze_cgroup.size() > 1 && options.freeze_cgroup.ends_with('/')) options.freeze_cgroup.pop_back();
  return options;
}

}  // namespace cg::tree
