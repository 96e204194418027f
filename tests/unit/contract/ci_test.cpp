// The steps of the templates for CI, run as they stand there, by the shells that would run them.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const fs::path house = CG_SOURCE_DIR;

// The block behind "run: |" or "- |", without its indentation.
std::string step_of(const std::string& page, const std::string& mark) {
  const std::string text = read_file(house / page).value_or("");
  const auto at = text.find(mark + "\n");
  if (at == text.npos) return "";
  std::string step;
  std::size_t indentation = 0;
  const std::string rest = text.substr(at + mark.size() + 1);
  for (const auto line : split_lines(rest)) {
    const auto blanks = line.find_first_not_of(' ');
    if (indentation == 0) indentation = blanks;
    if (blanks < indentation) break;
    step += std::string(line.substr(std::min(indentation, line.size()))) + "\n";
  }
  return step;
}

struct Template {
  const char* name;
  const char* page;
  const char* mark;
  std::vector<std::string> shell;
};

class CiTemplates : public testing::TestWithParam<Template> {
 protected:
  void SetUp() override {
    const auto fragment = run_checked({program, "fragment", "--criu", "4.2.1", "--arch", "x86_64"});
    ASSERT_TRUE(fragment) << fragment.error().message;
    const std::string head = "# Linux/x86 6.12.47 Kernel Configuration\nCONFIG_X86_64=y\n";
    ASSERT_TRUE(write_file_atomically(directory_.path() / "good.config", head + *fragment));
    ASSERT_TRUE(write_file_atomically(directory_.path() / "bad.config", head + "CONFIG_NET=y\n"));
    step_ = step_of(GetParam().page, GetParam().mark);
    ASSERT_TRUE(step_.ends_with("exit $status\n")) << step_;
  }
  ProcessResult step(std::map<std::string, std::string> variables) {
    auto argv = GetParam().shell;
    argv.push_back(step_);
    for (const auto& [name, value] : std::map<std::string, std::string>{{"KCHECK", program},
                                                                        {"KCHECK_COMMAND", "config"},
                                                                        {"KCHECK_OPTIONS", "--criu=4.2.1"},
                                                                        {"KCHECK_REPORTS", "reports"},
                                                                        {"GITHUB_OUTPUT", "outputs"},
                                                                        {"GITHUB_STEP_SUMMARY", "summary"}})
      variables.emplace(name, value);
    const auto ran = run(argv, {.directory = directory_.path(), .set_variables = variables});
    return ran ? *ran : ProcessResult{.status = 255, .err = ran.error().message};
  }
  std::string text(const std::string& name) const { return read_file(directory_.path() / name).value_or(""); }

  const std::string program = std::string(CG_BINARY_DIR) + "/bin/kcheck";

 private:
  TemporaryDirectory directory_;
  std::string step_;
};

TEST_P(CiTemplates, ReportInEveryFormAndEndAsKcheckDoes) {
  auto ran = step({{"KCHECK_FILES", "good.config"}});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_TRUE(ran.out.contains("READY for CRIU 4.2.1")) << ran.out;
  ran = step({{"KCHECK_FILES", "good.config bad.config"}});
  EXPECT_EQ(ran.status, 1) << ran.out << ran.err;
  const auto sarif = nlohmann::json::parse(text("reports/kcheck.sarif"), nullptr, false);
  ASSERT_FALSE(sarif.is_discarded());
  EXPECT_EQ(sarif["version"], "2.1.0");
  bool located = false;
  for (const auto& result : sarif["runs"][0]["results"])
    located = located || result.dump().contains("bad.config");
  EXPECT_TRUE(located) << text("reports/kcheck.sarif");
  EXPECT_TRUE(text("reports/kcheck.junit.xml").contains("<testsuites")) << text("reports/kcheck.junit.xml");
  EXPECT_TRUE(text("reports/kcheck.junit.xml").contains("<failure"));
  if (std::string(GetParam().name) != "GitHub") return;
  EXPECT_EQ(text("outputs").substr(0, text("outputs").find('\n')), "sarif=reports/kcheck.sarif");
  EXPECT_TRUE(text("outputs").contains("junit=reports/kcheck.junit.xml\n"));
  EXPECT_TRUE(text("summary").contains("| ")) << text("summary");
}

TEST_P(CiTemplates, WhatCannotBeLookedAtIsNotGood) {
  EXPECT_EQ(step({{"KCHECK_FILES", "none.config"}}).status, 3);
  EXPECT_EQ(step({{"KCHECK_COMMAND", "image"}, {"KCHECK_FILES", "none.img"}}).status, 3);
  EXPECT_EQ(step({{"KCHECK_FILES", ""}}).status, 2);
  const auto ran = step({{"KCHECK", "no-such-kcheck"}, {"KCHECK_FILES", "good.config"}});
  EXPECT_EQ(ran.status, 3);
  EXPECT_TRUE(ran.err.contains("no-such-kcheck is not here: install")) << ran.err;
}

INSTANTIATE_TEST_SUITE_P(
    Ci, CiTemplates,
    testing::Values(Template{"GitHub",
                             "ci/kcheck/action.yml",
                             "run: |",
                             {"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"}},
                    Template{"GitLab", "ci/kcheck.gitlab-ci.yml", "- |", {"bash", "-eo", "pipefail", "-c"}},
                    Template{"GitLabsh", "ci/kcheck.gitlab-ci.yml", "- |", {"sh", "-e", "-c"}}),
    [](const auto& test) { return std::string(test.param.name); });

// The hook: its command on a good and a bad file, and the files that pre-commit would give it.
TEST(PreCommit, TheHookTakesConfigurations) {
  const std::string hooks = read_file(house / ".pre-commit-hooks.yaml").value_or("");
  const auto value = [&](const std::string& key) {
    const auto at = hooks.find(key + ": ");
    return at == hooks.npos ? ""
                            : hooks.substr(at + key.size() + 2, hooks.find('\n', at) - at - key.size() - 2);
  };
  const std::regex files(value("files"));
  for (const char* name : {".config", "kernel/.config", "config-6.12", "a/guest.config"})
    EXPECT_TRUE(std::regex_search(name, files)) << name;
  for (const char* name : {"config.h", "kconfig/fragments/base.conf", "app.config.js", "myconfig-x/readme"})
    EXPECT_FALSE(std::regex_search(name, files)) << name;
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "bad.config",
                                    "# Linux/x86 6.12.47 Kernel Configuration\nCONFIG_X86_64=y\n"));
  auto words = split(value("entry"), ' ');
  ASSERT_EQ(words.front(), "kcheck");
  words.front() = std::string(CG_BINARY_DIR) + "/bin/kcheck";
  words.emplace_back("bad.config");
  const auto ran = run(words, {.directory = directory.path()});
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status, 1) << ran->err;
  EXPECT_TRUE(ran->out.contains("NOT READY")) << ran->out;
}

}  // namespace
}  // namespace cg
