// What --help of each command of each tool holds to.
#include <gtest/gtest.h>

#include "base/process.h"
#include "base/text.h"
#include "tried_line.h"

namespace cg {
namespace {

std::string help_of(std::vector<std::string> argv) {
  const std::string name = argv.front();
  argv.front() = std::string(CG_BINARY_DIR) + "/bin/" + name;
  argv.emplace_back("--help");
  const auto result = run(argv, {.timeout = std::chrono::minutes(1)});
  return result && result->status == 0 && result->err.empty() ? result->out : "";
}

// The names below "Commands:".
std::vector<std::string> commands_in(const std::string& help) {
  std::vector<std::string> names;
  bool inside = false;
  for (const auto line : split_lines(help)) {
    if (line == "Commands:") inside = true;
    if (inside && line.empty()) break;
    if (line.starts_with("  ") && line[2] != ' ' && inside)
      names.emplace_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return names;
}

// The lines below "Examples:" that are to be typed.
std::vector<std::string> examples_in(const std::string& help) {
  std::vector<std::string> lines;
  bool inside = false;
  for (const auto line : split_lines(help)) {
    if (inside && line.empty()) break;
    if (inside && line.starts_with("  ") && line[2] != ' ') lines.emplace_back(trim(line));
    if (line == "Examples:") inside = true;
  }
  return lines;
}

class Help : public ::testing::TestWithParam<const char*> {};

TEST_P(Help, OfEachCommandHasExamplesExitStatusesAndShortLines) {
  const std::string tool = GetParam();
  const std::string top = help_of({tool});
  const auto commands = commands_in(top);
  EXPECT_EQ(commands.empty(), tool == "guest-run");
  std::vector<std::pair<std::string, std::string>> texts = {{tool, top}};
  for (const auto& command : commands) texts.emplace_back(tool + " " + command, help_of({tool, command}));
  for (const auto& [name, text] : texts) {
    EXPECT_TRUE(text.starts_with("Usage: " + name)) << text;
    EXPECT_TRUE(text.contains("\nExit status:\n")) << name;
    // Without a word to say beside its name (list), a command is its own example.
    if (name != tool && text.contains("\nWords:\n")) {
      EXPECT_TRUE(text.contains("\nExamples:\n  " + name)) << name;
    }
    for (const auto line : split_lines(text)) EXPECT_LE(line.size(), 100U) << name << ": " << line;
    for (const auto& line : examples_in(text)) EXPECT_EQ(fault_of_line(line), "") << name << ": " << line;
  }
}

INSTANTIATE_TEST_SUITE_P(Tools, Help,
                         ::testing::Values("kernel-builder", "criu-builder", "rootfs-builder", "kcheck",
                                           "guest-run", "guest-checkpoint"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace cg
