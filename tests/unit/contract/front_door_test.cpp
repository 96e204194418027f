// What a stranger reads first does what it says: the lines of README.md and of the pages, `make help`, and
// what a machine without apt is told.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/toml/toml.h"
#include "tried_line.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const fs::path house = CG_SOURCE_DIR;

std::string page(const std::string& name) {
  return read_file(house / name).value_or("");
}

// The blocks of a page in that language, in order.
std::vector<std::string> blocks_of(const std::string& text, const std::string& language) {
  std::vector<std::string> blocks;
  const std::string mark = "```" + language + "\n";
  for (std::size_t at = 0; (at = text.find(mark, at)) != text.npos;) {
    at += mark.size();
    const auto end = text.find("```", at);
    blocks.push_back(text.substr(at, end - at));
    at = end + 3;
  }
  return blocks;
}

// The commands of a block: continued lines joined, comments left out.
std::vector<std::string> lines_of(std::string block) {
  std::vector<std::string> lines;
  std::string joined;
  for (const auto line : split_lines(block)) {
    std::string_view words = line.substr(0, line.starts_with('#') ? 0 : line.find("  #"));
    if (const auto comment = words.find(" # "); comment != words.npos) words = words.substr(0, comment);
    joined += trim(words);
    if (joined.ends_with('\\')) {
      joined.back() = ' ';
      continue;
    }
    if (!joined.empty()) lines.push_back(joined);
    joined.clear();
  }
  return lines;
}

std::string first_word(const std::string& line) {
  return line.substr(0, line.find(' '));
}

// GNU make takes a variable that one target sets out of the environment of all the others: `LAB_CRIU=4.2.1
// make lab` ran with every version for that.
TEST(FrontDoor, NoTargetOfTheMakefileTakesAVariableFromTheOthers) {
  for (const auto line : split_lines(page("Makefile"))) {
    if (line.starts_with('\t') || line.starts_with('#')) continue;
    const auto colon = line.find(':'), equals = line.find('=');
    EXPECT_FALSE(colon < equals && equals != line.npos && line[colon + 1] != '=') << line;
  }
}

TEST(FrontDoor, TheLinesOfThePagesHaveWordsThatTheToolsTake) {
  std::vector<std::string> pages = {"README.md"};
  for (const auto& entry : fs::directory_iterator(house / "docs"))
    if (entry.path().extension() == ".md") pages.push_back("docs/" + entry.path().filename().string());
  std::size_t tried = 0;
  for (const auto& name : pages)
    for (const auto& block : blocks_of(page(name), "sh"))
      for (const auto& line : lines_of(block)) {
        const bool is_ours = std::ranges::any_of(tool_names, [&](const std::string& tool) {
          return line.starts_with(tool + " ") || line.contains(" " + tool + " ");
        });
        if (!is_ours || first_word(line) == "make" || first_word(line) == "cp") continue;
        ++tried;
        EXPECT_EQ(fault_of_line(line), "") << name << ": " << line;
      }
  EXPECT_GT(tried, 40U);
}

TEST(FrontDoor, TargetsAndVariablesOfThePagesAreInMakeHelp) {
  const auto help = run_checked({"make", "-s", "-C", house.string(), "help"});
  ASSERT_TRUE(help) << help.error().message;
  for (const char* variable : {"BUILD=", "CACHE=", "OUT=", "DESTDIR=", "JOBS=", "PREFIX="})
    EXPECT_TRUE(help->contains(variable)) << variable;
  std::size_t seen = 0;
  for (const char* name : {"README.md", "docs/kata.md", "docs/firecracker.md", "docs/cloud-hypervisor.md",
                           "docs/release.md"})
    for (const auto& block : blocks_of(page(name), "sh"))
      for (const auto& line : lines_of(block)) {
        if (!line.starts_with("make ")) continue;
        ++seen;
        for (const auto& word : split(line.substr(5), ' ')) {
          if (word.empty() || word == "&&") continue;
          const auto equals = word.find('=');
          const std::string wanted = equals == word.npos ? "make " + word + " " : word.substr(0, equals + 1);
          EXPECT_TRUE(help->contains(wanted)) << name << ": " << line << ": " << wanted;
        }
      }
  EXPECT_GT(seen, 8U);
}

TEST(FrontDoor, TheConfigurationsOfThePagesAreWhole) {
  for (const char* name : {"docs/kata.md", "docs/firecracker.md", "docs/cloud-hypervisor.md"}) {
    for (const auto& block : blocks_of(page(name), "json"))
      EXPECT_FALSE(nlohmann::json::parse(block, nullptr, false).is_discarded()) << name << ":\n" << block;
    for (const auto& block : blocks_of(page(name), "toml")) {
      const auto parsed = parse_toml(block, name);
      EXPECT_TRUE(parsed) << parsed.error().message;
    }
  }
  const auto blocks = blocks_of(page("docs/firecracker.md"), "json");
  ASSERT_EQ(blocks.size(), 1U);
  const auto config = nlohmann::json::parse(blocks[0]);
  EXPECT_EQ(config["drives"].size(), 1U);
  EXPECT_TRUE(config["boot-source"]["boot_args"].get<std::string>().contains("root=/dev/vda "));
  // Each page is found from the first one.
  for (const char* name : {"docs/kata.md", "docs/firecracker.md", "docs/cloud-hypervisor.md"})
    EXPECT_TRUE(page("README.md").contains(std::string("](") + name + ")")) << name;
}

// The rows of a list: its words, without comments.
std::vector<std::vector<std::string>> rows_of(const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  const std::string text = page(name);
  for (const auto line : split_lines(text)) {
    std::vector<std::string> row;
    for (const auto& word : split(std::string(line.substr(0, line.find('#'))), ' '))
      if (!word.empty()) row.emplace_back(word);
    if (!row.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

TEST(Dependencies, EachPackageHasItsNamesElsewhere) {
  std::set<std::string> here;
  std::set<std::string> elsewhere;
  for (const auto& row : rows_of("scripts/packages.txt")) here.insert(row[0]);
  for (const auto& row : rows_of("scripts/packages-elsewhere.txt")) {
    EXPECT_EQ(row.size(), 6U) << row[0];
    elsewhere.insert(row[0]);
  }
  EXPECT_EQ(here, elsewhere);
}

// A machine that has no apt: a PATH with a shell's own helpers and little more.
class WithoutApt : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"sh", "sed", "tr", "sort", "dirname", "env", "cat", "git", "make"}) {
      const auto program = find_program(name);
      ASSERT_TRUE(program) << name;
      fs::create_symlink(*program, directory_.path() / name);
    }
  }
  ProcessResult deps(const std::string& id, std::vector<std::string> words) {
    const auto release = directory_.path() / "os-release";
    EXPECT_TRUE(write_file_atomically(release, "NAME=x\nID=" + id + "\n"));
    words.insert(words.begin(), {"sh", (house / "scripts/deps.sh").string()});
    const auto result =
        run(words,
            {.set_variables = {{"PATH", directory_.path().string()}, {"DEPS_OS_RELEASE", release.string()}}});
    return result ? *result : ProcessResult{.status = 255, .err = result.error().message};
  }
  const TemporaryDirectory directory_;
};

TEST_F(WithoutApt, TheNamesOfTheDistributionAreSaid) {
  for (const auto& [id, says] :
       std::vector<std::pair<std::string, std::string>>{{"fedora", "dnf install gcc-c++ cmake"},
                                                        {"arch", "pacman -S --needed gcc cmake"},
                                                        {"alpine", "apk add g++ cmake"},
                                                        {"nixos", "Fedora: gcc-c++ cmake"}}) {
    const auto result = deps(id, {"tools"});
    EXPECT_EQ(result.status, 3) << result.err;
    EXPECT_TRUE(result.err.contains(says)) << result.err;
    EXPECT_TRUE(result.err.contains("libarchive-dev(libarchive)")) << result.err;
    EXPECT_FALSE(result.err.contains("git")) << "it is there: " << result.err;
  }
  EXPECT_EQ(deps("fedora", {"tools", "check"}).status, 1);
}

// Before anything is compiled, and with no table of steps behind it.
TEST_F(WithoutApt, ADistributionsKernelIsRefusedAtOnce) {
  const auto bash = find_program("bash");
  ASSERT_TRUE(bash);
  const auto result = run({bash->string(), (house / "demo/run.sh").string()},
                          {.set_variables = {{"PATH", directory_.path().string()}, {"KERNEL", "debian"}}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 3);
  EXPECT_EQ(result->out, "");
  EXPECT_TRUE(
      result->err.starts_with("demo: KERNEL=debian takes the kernel out of Debian's packages, and apt-get is "
                              "not here; `make demo` builds one"))
      << result->err;
  EXPECT_EQ(split_lines(result->err).size(), 1U) << result->err;
}

// apt without a way to the archive: what it says is shown at its end, and what to do.
TEST_F(WithoutApt, AptThatFailsIsNoBareError) {
  for (const char* name : {"id", "mktemp", "rm", "tail", "date", "sleep", "kill"})
    if (const auto program = find_program(name)) fs::create_symlink(*program, directory_.path() / name);
  for (const auto& [name, text] : {std::pair{"dpkg-query", "exit 1"},
                                   {"id", "echo 0"},
                                   {"apt-get", "echo 'E: Could not resolve the name'; exit 100"}}) {
    fs::remove(directory_.path() / name);
    EXPECT_TRUE(
        write_file_atomically(directory_.path() / name, std::string("#!/bin/sh\n") + text + "\n", 0755));
  }
  const auto result = deps("debian", {"tools"});
  EXPECT_EQ(result.status, 3) << result.err;
  EXPECT_TRUE(result.err.contains("apt-get update failed")) << result.err;
  EXPECT_TRUE(result.err.contains("E: Could not resolve the name")) << result.err;
  EXPECT_TRUE(result.err.contains("bring these packages here by other means")) << result.err;
}

TEST(Progress, SaysThatItIsAliveWhereThereIsNoTerminal) {
  const TemporaryDirectory directory;
  const std::string log = (directory.path() / "log").string();
  const auto result = run({(house / "scripts/progress.sh").string(), "compiling", log, "sh", "-c",
                           "echo '[3/9] a.cpp'; sleep 3; exit 7"},
                          {.set_variables = {{"PROGRESS_SECONDS", "1"}}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 7);
  EXPECT_TRUE(result->err.contains("compiling, 3 of 9, ")) << result->err;
  EXPECT_EQ(result->out, "");
  EXPECT_TRUE(read_file(log).value_or("").contains("a.cpp"));
}

}  // namespace
}  // namespace cg
