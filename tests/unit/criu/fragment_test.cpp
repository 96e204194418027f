// The fragment made from the matrix, and the one this repository ships.
#include "criu/fragment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "criu/versions.h"
#include "kconfig/config.h"

namespace cg {
namespace {

std::vector<FragmentLine> lines_for(const std::vector<Version>& versions, std::set<std::string> features,
                                    const std::string& architecture = "x86_64",
                                    std::optional<Version> kernel = Version{{6, 12, 0}}) {
  const Matrix matrix = builtin_matrix().value();
  const FragmentQuestion question{versions, std::move(features), architecture, kernel, false};
  return with_dependencies(matrix, question, required_lines(matrix, question));
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
  EXPECT_LT(position("NETFILTER"), position("NETFILTER_XTABLES"));
  EXPECT_LT(position("NETFILTER"), position("NETFILTER_XT_MATCH_MARK"));
  const std::string text = to_text(lines, {"heading"});
  EXPECT_TRUE(text.starts_with("# heading\n# needed by ")) << text;
  EXPECT_TRUE(parse_config(text, "fragment")) << text;
}

TEST(Fragment, ArchitecturesLeaveOutWhatTheyDoNotHave) {
  EXPECT_TRUE(has(lines_for({*parse_version("4.2")}, {"incremental"}), "MEM_SOFT_DIRTY"));
  EXPECT_FALSE(has(lines_for({*parse_version("4.2")}, {"incremental"}, "arm64"), "MEM_SOFT_DIRTY"));
}

TEST(Fragment, AsksWhatTheKernelHas) {
  const auto old = lines_for({*parse_version("4.2")}, {"time-namespace"}, "x86_64", Version{{5, 4, 0}});
  EXPECT_FALSE(has(old, "TIME_NS")) << "came with 5.6";
  EXPECT_TRUE(has(lines_for({*parse_version("4.2")}, {"time-namespace"}), "TIME_NS"));
  const auto newer = lines_for({*parse_version("4.2.1")}, {"tcp-established"}, "x86_64", Version{{7, 3, 0}});
  for (const char* symbol : {"SYSCTL", "IP_NF_FILTER", "IP_NF_IPTABLES_LEGACY", "NETFILTER_XTABLES_LEGACY"})
    EXPECT_TRUE(has(newer, symbol)) << symbol;
  EXPECT_FALSE(has(newer, "PROC_SYSCTL")) << "gone with 7.3";
  const auto present = lines_for({*parse_version("4.2.1")}, {"tcp-established"});
  EXPECT_TRUE(has(present, "PROC_SYSCTL"));
  EXPECT_FALSE(has(present, "NETFILTER_XTABLES_LEGACY")) << "came with 6.17";
}

// The two fragments of this repository are what the matrix asks for: for every version, every feature.
FragmentQuestion everything(const Matrix& matrix, const std::string& architecture) {
  const auto features = matrix.features();
  return {.versions = criu_versions().all,
          .features = {features.begin(), features.end()},
          .architecture = architecture};
}
std::string shipped(const std::string& name) {
  return read_file(std::filesystem::path(CG_SOURCE_DIR) / "kconfig/fragments" / name).value();
}

TEST(Fragment, TheOneInTheRepositoryIsWhatIsMade) {
  const Matrix matrix = builtin_matrix().value();
  const auto question = everything(matrix, "");
  EXPECT_EQ(shipped("criu.conf"),
            to_text(with_dependencies(matrix, question, required_lines(matrix, question)),
                    heading_of(question, matrix)))
      << "write it: kcheck fragment --criu all --feature all --arch any -o kconfig/fragments/criu.conf";
}

TEST(Fragment, TheOneOfX86HoldsTheRest) {
  const Matrix matrix = builtin_matrix().value();
  const auto common = parse_config(shipped("criu.conf"), "criu.conf").value();
  const auto question = everything(matrix, "x86_64");
  auto lines = with_dependencies(matrix, question, required_lines(matrix, question));
  std::erase_if(lines, [&](const FragmentLine& line) { return common.find(line.symbol) != nullptr; });
  EXPECT_EQ(shipped("x86_64/criu.conf"),
            to_text(lines, {"What CRIU asks for on x86_64 beyond ../criu.conf."}));
}

}  // namespace
}  // namespace cg
