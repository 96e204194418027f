#include "live/criu_binary.h"

#include <gtest/gtest.h>

namespace cg {
namespace {

RunCriu scripted(const std::string& version, const std::string& refused_feature,
                 const std::string& more_help) {
  return [=](const std::vector<std::string>& arguments) -> Result<CriuAnswer> {
    if (arguments[0] == "--version") return CriuAnswer{0, "Version: " + version + "\n"};
    if (arguments[0] == "--help")
      return CriuAnswer{
          1, "Usage:\n  -t|--tree PID  checkpoint a tree -- as a whole\n  --[no-]tcp-close\n" + more_help};
    if (arguments[2] == "openat2") return CriuAnswer{1, "Error: Unknown feature openat2"};
    return CriuAnswer{arguments[2] == refused_feature ? 1 : 0, ""};
  };
}

ProbeResult all_pass(std::string_view) {
  return {ProbeResult::Status::pass, "it answered"};
}

std::vector<Finding> compare(const RunCriu& criu) {
  return compare_with_binary(criu, {"/criu", {{3, 19, 0}}}, all_pass, builtin_option_table().value()).value();
}

TEST(CriuBinary, TellsItsVersion) {
  EXPECT_EQ(ask_version(scripted("3.17.1", "", ""), "criu")->text(), "3.17.1");
  const auto none = ask_version(
      [](const auto&) -> Result<CriuAnswer> {
        return CriuAnswer{0, "busybox\n"};
      },
      "/bin/x");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.contains("/bin/x"));
}

TEST(CriuBinary, AgreesWhenBothSayYes) {
  const auto findings = compare(scripted("3.19", "", ""));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "criu-binary.compared");
  EXPECT_TRUE(findings[0].seen.contains("26 answers compared, 0 differ")) << findings[0].seen;
}

TEST(CriuBinary, NamesEachDisagreement) {
  const auto findings = compare(scripted("3.19", "uffd", "  --allow-uprobes  of 4.2\n  --frobnicate\n"));
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[1].id, "criu-binary.feature-uffd");
  EXPECT_EQ(findings[2].id, "criu-binary.option-allow-uprobes");
  EXPECT_EQ(findings[3].id, "criu-binary.option-frobnicate");
}

}  // namespace
}  // namespace cg
