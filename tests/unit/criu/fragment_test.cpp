// The fragment made from the matrix, and the one this repository ships.
#include "criu/fragment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "kconfig/config.h"

namespace cg {
namespace {

std::vector<FragmentLine> lines_for(const std::vector<Version>& versions, std::set<std::string> features,
                                    const std::string& architecture = "x86_64") {
  const Matrix matrix = builtin_matrix().value();
  return with_dependencies(matrix, required_lines(matrix, {versions, std::move(features), architecture,
                                                           Version{{6, 12, 0}}, false}));
}
bool has(const std::vector<FragmentLine>& lines, std::string_view symbol) {
  return std::ranges::any_of(lines,
                             [&](const FragmentLine& line) { return line.on && line.symbol == symbol; });
}

TEST(Fragment, StatesWhatIsOnByDefaultAndWhatTheVersionNeeds) {
  const auto lines = lines_for({*parse_version("4.2")}, {});
  for (const char* symbol :
       {"MEMBARRIER", "ADVISE_SYSCALLS", "EPOLL", "FILE_LOCKING", "NET", "UNIX_DIAG", "64BIT"})
    EXPECT_TRUE(has(lines, symbol)) << symbol;
  EXPECT_FALSE(has(lines, "IPV6"));
  EXPECT_FALSE(has(lines, "EXPERT")) << "EXPERT is what loses symbols, not what CRIU needs";
  EXPECT_TRUE(has(lines_for({*parse_version("3.18")}, {}), "IPV6"));
  EXPECT_FALSE(has(lines_for({*parse_version("3.18")}, {}), "MEMBARRIER"));
}

TEST(Fragment, DependenciesComeFirstWithTheirReason) {
  const auto lines = lines_for({*parse_version("4.2")}, {"tcp-established"});
  const auto position = [&](std::string_view symbol) {
    return std::ranges::find(lines, symbol, &FragmentLine::symbol) - lines.begin();
  };
  ASSERT_TRUE(has(lines, "NETFILTER"));
  EXPECT_LT(position("NET"), position("NETFILTER"));
  EXPECT_LT(position("NETFILTER"), position("NETFILTER_XT_MATCH_MARK"));
  const std::string text = to_text(lines, {"heading"});
  EXPECT_TRUE(text.starts_with("# heading\n# needed by ")) << text;
  EXPECT_TRUE(parse_config(text, "fragment")) << text;
}

TEST(Fragment, ArchitecturesLeaveOutWhatTheyDoNotHave) {
  EXPECT_TRUE(has(lines_for({*parse_version("4.2")}, {"incremental"}), "MEM_SOFT_DIRTY"));
  EXPECT_FALSE(has(lines_for({*parse_version("4.2")}, {"incremental"}, "arm64"), "MEM_SOFT_DIRTY"));
}

// kconfig/fragments/criu.conf holds, for every version at once, all that is asked for and what containers
// use.
TEST(Fragment, TheOneInTheRepositoryHasEveryLine) {
  auto shipped = load_config(std::filesystem::path(CG_SOURCE_DIR) / "kconfig/fragments/criu.conf").value();
  for (const char* name : {"cgroup", "base", "net", "virtio", "namespaces", "netfilter", "expert",
                           "x86_64/criu", "x86_64/cpu"}) {
    const auto other = load_config(std::filesystem::path(CG_SOURCE_DIR) / "kconfig/fragments" /
                                   (std::string(name) + ".conf"));
    ASSERT_TRUE(other) << other.error().message;
    merge_config(shipped, *other);
  }
  std::vector<std::string> missing;
  for (const auto& line : lines_for(
           known_criu_versions(), {"containers", "lazy-pages", "seccomp", "incremental", "network-namespace",
                                   "tcp-established", "eventfd", "inotify", "tty", "sysvipc"}))
    if (line.on && shipped.value(line.symbol) != "y" && line.symbol != "VETH") missing.push_back(line.symbol);
  EXPECT_TRUE(missing.empty()) << join(missing, " ");
}

}  // namespace
}  // namespace cg
