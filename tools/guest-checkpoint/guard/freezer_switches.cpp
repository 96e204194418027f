#include "guard/freezer_switches.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace cg::checkpoint {
namespace {

bool is_on(const FreezerSwitch& one) {
  const auto text =
      read_file(std::filesystem::path(one.directory) / (one.v2 ? "cgroup.freeze" : "freezer.self_freezing"));
  return text && trim(*text) == "1";
}

bool turn(const FreezerSwitch& one, bool on) {
  const auto path = std::filesystem::path(one.directory) / (one.v2 ? "cgroup.freeze" : "freezer.state");
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const char* const word = one.v2 ? (on ? "1" : "0") : (on ? "FROZEN" : "THAWED");
  return fd && write_all(fd.get(), word, path.string());
}

std::string turn_those(const std::vector<FreezerSwitch>& switches, auto wish) {
  std::vector<std::string> turned;
  for (const auto& one : switches)
    if (const bool on = is_on(one); on != wish(one) && turn(one, wish(one)))
      turned.push_back(one.directory + (on ? " thawed" : " frozen again"));
  return join(turned, ", ");
}

}  // namespace

std::vector<FreezerSwitch> freezer_switches(const tree::Snapshot& snapshot) {
  std::vector<FreezerSwitch> switches;
  for (const auto& [name, state] : snapshot.cgroups) {
    if (!state.entry.is_v2() && !state.entry.has("freezer")) continue;
    for (const auto& level : state.levels)
      if (std::ranges::find(switches, level.directory, &FreezerSwitch::directory) == switches.end())
        switches.push_back({level.directory, state.entry.is_v2(), level.frozen_here});
  }
  return switches;
}

std::string thaw(const std::vector<FreezerSwitch>& switches) {
  return turn_those(switches, [](const FreezerSwitch&) { return false; });
}

std::string put_back(const std::vector<FreezerSwitch>& switches) {
  return turn_those(switches, [](const FreezerSwitch& one) { return one.on; });
}

}  // namespace cg::checkpoint
