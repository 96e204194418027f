#include "restore/options.h"

#include <algorithm>

#include "base/text.h"

namespace cg::restore {
namespace {

// "mnt[KEY]:SOURCE" and "KEY:SOURCE" of the older --ext-mount-map.
void add_mount(Options& options, const std::string& value) {
  constexpr std::string_view begin = "mnt[";
  if (!value.starts_with(begin)) return;
  const auto end = value.find(']');
  if (end == std::string::npos) return;
  const std::string key = value.substr(begin.size(), end - begin.size());
  if (key.empty())
    options.automatic_mounts = true;
  else
    options.mounts[key] = end + 1 < value.size() ? value.substr(end + 2) : "";
}

void add_processor(Options& options, const std::optional<std::string>& value) {
  options.compares_processor = true;
  const auto words = split(value.value_or("all"), ',');
  const auto asks = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
  if (asks("none")) {
    options.compares_processor = false;
    return;
  }
  options.compares_state = asks("fpu") || asks("all");
  options.compares_instructions = asks("ins") || asks("cpu") || asks("all");
}

}  // namespace

Options::Options(const CriuCommand& command)
    : shell_job(command.has("shell-job")),
      tcp_established(command.has("tcp-established")),
      tcp_close(command.has("tcp-close")),
      unix_sockets(command.has("ext-unix-sk")),
      skip_permissions(command.has("skip-file-rwx-check")),
      uprobes(command.has("allow-uprobes")),
      by_build_id(command.value("file-validation").value_or("buildid") != "filesize"),
      root(command.value("root").value_or("")),
      images(command.value("images-dir").value_or("")),
      cgroups(command.value("manage-cgroups").value_or("")),
      moves_cgroups(command.has("cgroup-root")) {
  for (const auto& value : command.values("external")) add_mount(*this, value);
  for (const auto& value : command.values("ext-mount-map")) {
    if (value == "auto")
      automatic_mounts = true;
    else if (const auto colon = value.find(':'); colon != std::string::npos)
      mounts[value.substr(0, colon)] = value.substr(colon + 1);
  }
  for (const auto& value : command.values("inherit-fd"))
    if (const auto colon = value.find(':'); colon != std::string::npos)
      inherited.insert(value.substr(colon + 1));
  for (const auto& value : command.values("join-ns")) joined.insert(value.substr(0, value.find(':')));
  if (command.has("cpu-cap")) add_processor(*this, command.value("cpu-cap"));
}

}  // namespace cg::restore
