// The manual pages and completions that the build makes of the tools' own descriptions: nothing is without a
// text, nothing is named that is not there, and the shells complete what they should.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "base/file.h"
#include "base/toml/toml.h"
#include "json_schema.h"
#include "tried_line.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path house = CG_SOURCE_DIR;
const fs::path share = fs::path(CG_BINARY_DIR) / "manual" / "share";

std::string text_of_description(const std::string& tool) {
  const auto result = run({std::string(CG_BINARY_DIR) + "/bin/" + tool, "help", "--format", "json"},
                          {.timeout = std::chrono::minutes(1)});
  return result && result->status == 0 ? result->out : "{}";
}

const Json& description(const std::string& tool) {
  static std::map<std::string, Json> known;
  if (!known.contains(tool)) known[tool] = Json::parse(text_of_description(tool));
  return known[tool];
}

// The tool itself and each of its commands.
std::vector<Json> parts_of(const Json& tool) {
  std::vector<Json> parts = {tool};
  for (const auto& command : tool["commands"]) parts.push_back(command);
  return parts;
}

std::string name_of(const Json& tool, const Json& part) {
  const std::string name = tool["tool"];
  return part.contains("name") ? name + "-" + part["name"].get<std::string>() : name;
}

std::set<std::string> option_names(const Json& tool) {
  std::set<std::string> names;
  const auto add = [&](const Json& words) {
    for (const auto& word : words)
      for (const auto& name : word["names"]) names.insert(name.get<std::string>());
  };
  add(tool["shared"]);
  for (const auto& part : parts_of(tool)) add(part["options"]);
  return names;
}

// CRIU's own, which examples hand on to it.
std::set<std::string> criu_options() {
  std::set<std::string> names;
  const auto document = load_toml(house / "recipes" / "criu-options.toml");
  if (!document) return names;
  for (const TomlNode& row : document->root().find("option")->children())
    names.insert("--" + std::string(row.find("name")->text));
  return names;
}

// All that is said of a tool, with where.
std::vector<std::pair<std::string, std::string>> texts_of(const Json& tool) {
  std::vector<std::pair<std::string, std::string>> texts;
  const auto add = [&](const std::string& where, const Json& value) {
    if (!value.is_null()) texts.emplace_back(where, value.get<std::string>());
  };
  const auto add_words = [&](const std::string& where, const Json& words) {
    for (const auto& word : words) add(where + " " + word["names"].dump(), word["help"]);
  };
  for (const auto& part : parts_of(tool)) {
    const std::string name = name_of(tool, part);
    for (const char* key : {"help", "notes", "about_words"}) add(name + " " + key, part.value(key, Json()));
    add_words(name, part["words"]);
    add_words(name, part["options"]);
    for (const auto& example : part["examples"]) {
      add(name + " example", example["words"]);
      add(name + " example", example["about"]);
    }
    for (const auto& file : part["files"])
      add(name + " files", file["name"].get<std::string>() + " " + file["about"].get<std::string>());
  }
  add_words(tool["tool"], tool["shared"]);
  for (const auto& variable : tool["variables"]) add(name_of(tool, tool) + " variables", variable["about"]);
  return texts;
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

class Manual : public ::testing::TestWithParam<std::string> {};

TEST_P(Manual, EverythingHasAText) {
  EXPECT_EQ(violation_of(text_of_description(GetParam()), "command-line.schema.json"), "");
  const Json& tool = description(GetParam());
  for (const auto& part : parts_of(tool)) {
    EXPECT_FALSE(part["examples"].empty() && part.contains("name"))
        << name_of(tool, part) << " has no example";
    for (const auto& example : part["examples"])
      EXPECT_TRUE((" " + example["words"].get<std::string>()).contains(" " + GetParam())) << example;
  }
  for (const auto& [where, text] : texts_of(tool))
    if (!where.ends_with("example")) {
      EXPECT_NE(text, "") << where;
    }
}

TEST_P(Manual, NothingIsNamedThatIsNotThere) {
  const Json& tool = description(GetParam());
  std::set<std::string> known = option_names(tool);
  known.merge(criu_options());
  for (const auto& name : {"--version", "--help"}) known.insert(name);
  for (const auto& [where, text] : texts_of(tool)) {
    for (const auto& option : matches(text, "(?:^|[ '(`])(--[a-z][a-z0-9-]*)"))
      EXPECT_TRUE(known.contains(option)) << where << " names " << option << ": " << text;
    for (const auto& path : matches(text, "\\b((?:docs|recipes|kconfig)/[a-z0-9_./-]*[a-z0-9])(?![A-Za-z])"))
      EXPECT_TRUE(fs::exists(house / path) || fs::exists((house / path).parent_path()))
          << where << " names " << path;
    for (const auto& name : tool_names) {
      const Json& other = description(name);
      if (other["commands"].empty()) continue;
      std::set<std::string> commands = {"help"};
      for (const auto& command : other["commands"]) commands.insert(command["name"].get<std::string>());
      for (const auto& word : matches(text, "(?:^|[`&] ?)" + name + " ([a-z]+)"))
        EXPECT_TRUE(commands.contains(word)) << where << " names " << name << " " << word;
    }
  }
}

// What the page itself says is what is there: a page for each command, and no other.
TEST_P(Manual, HasAPageForEachCommand) {
  const Json& tool = description(GetParam());
  std::set<std::string> wanted;
  for (const auto& part : parts_of(tool)) wanted.insert(name_of(tool, part) + ".1");
  std::set<std::string> there;
  for (const auto& entry : fs::directory_iterator(share / "man" / "man1")) {
    const std::string name = entry.path().filename();
    if (name == GetParam() + ".1" || name.starts_with(GetParam() + "-")) there.insert(name);
  }
  EXPECT_EQ(there, wanted);
  for (const auto& part : parts_of(tool)) {
    const std::string name = name_of(tool, part);
    const std::string text = read_file(share / "man" / "man1" / (name + ".1")).value_or("");
    for (const char* section : {"NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT"})
      EXPECT_TRUE(text.contains(std::string(".SH ") + section + "\n")) << name << ": " << section;
    for (auto page : matches(text, "\\.BR ([a-z\\\\-]+) \\(1\\)")) {
      std::erase(page, '\\');
      EXPECT_TRUE(fs::exists(share / "man" / "man1" / (page + ".1"))) << name << " refers to " << page;
    }
    for (const auto& word : part["options"])
      for (std::string option : word["names"]) {
        replace_all(option, "-", "\\-");
        EXPECT_TRUE(text.contains("\\fB" + option + "\\fR")) << name << ": " << option;
      }
  }
}

TEST_P(Manual, ItsPagesAreCleanForMandocAndGroff) {
  const bool has_mandoc = find_program("mandoc").has_value();
  const bool has_groff = find_program("groff").has_value();
  if (!has_mandoc && !has_groff) GTEST_SKIP() << "neither mandoc nor groff is here";
  for (const auto& part : parts_of(description(GetParam()))) {
    const std::string page = share / "man" / "man1" / (name_of(description(GetParam()), part) + ".1");
    if (has_mandoc) {
      const auto lint = run({"mandoc", "-T", "lint", "-W", "warning", page});
      ASSERT_TRUE(lint) << lint.error().message;
      EXPECT_EQ(lint->out + lint->err, "");
    }
    if (has_groff) {
      const auto set = run({"groff", "-k", "-man", "-Tutf8", "-P-cbou", "-ww", page});
      ASSERT_TRUE(set) << set.error().message;
      EXPECT_EQ(set->err, "") << page;
      EXPECT_TRUE(set->out.contains("SYNOPSIS")) << page;
    }
  }
}

TEST_P(Manual, ItsCompletionsAreTextsOfTheShells) {
  const std::string name = GetParam();
  for (const auto& [shell, file] : {std::pair{"bash", share / "bash-completion" / "completions" / name},
                                    {"zsh", share / "zsh" / "site-functions" / ("_" + name)},
                                    {"fish", share / "fish" / "vendor_completions.d" / (name + ".fish")}}) {
    ASSERT_TRUE(fs::exists(file)) << file;
    if (!find_program(shell)) continue;
    const auto parsed = run({shell, "-n", file.string()});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->status, 0) << file << ": " << parsed->err;
    EXPECT_EQ(parsed->err, "") << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Tools, Manual, ::testing::ValuesIn(tool_names), [](const auto& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

// What bash offers for the last of the words, with the words before it; all of its words are as bash splits
// them.
std::vector<std::string> offered(std::vector<std::string> words) {
  const std::string tool = words.front();
  std::string function = "_" + tool;
  std::ranges::replace(function, '-', '_');
  const auto result = run({"bash", "--norc", "-c",
                           "source '" + (share / "bash-completion" / "completions" / tool).string() +
                               "'\ncomplete -p " + tool + " > /dev/null || exit 9\nCOMP_WORDS=(" +
                               shell_words(words) + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n" + function +
                               "\n[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\""});
  if (!result || result->status != 0 || !result->err.empty())
    return {"FAILED", result ? result->err : result.error().message};
  std::vector<std::string> lines;
  for (const auto line : split_lines(result->out)) lines.emplace_back(line);
  return lines;
}

using Words = std::vector<std::string>;

TEST(Bash, CompletesCommandsOptionsAndValues) {
  const struct {
    Words words;
    Words exactly;  // empty: only what `among` says
    Words among = {};
    Words without = {};
  } cases[] = {
      {{"kcheck", "tr"}, {"tree"}},
      {{"kcheck", ""}, {}, {"live", "config", "tree", "explain", "show", "help"}, {"--criu"}},
      {{"kcheck", "help", "fl"}, {"flags"}},
      {{"kcheck", "tree", "--sp"}, {"--spec"}},
      {{"kcheck", "tree", "--cri"}, {"--criu", "--criu-binary"}},
      {{"kcheck", "config", "--sp"}, {}, {}, {"--spec"}},
      {{"kcheck", "--format", "s"}, {"sarif"}},
      {{"kcheck", "--format", "=", "j"}, {"json", "junit"}},
      {{"kcheck", "--format="}, {"text", "json", "sarif", "junit", "markdown", "html"}},
      {{"kcheck", "--format", "="}, {"text", "json", "sarif", "junit", "markdown", "html"}},
      {{"kcheck", "config", "--criu", "=", "4.2"}, {"4.2", "4.2.1"}},
      {{"kcheck", "--criu", "4.2.1", "tr"}, {"tree"}},
      {{"kcheck", "--criu", "tree", "--sp"}, {"--spec"}},
      {{"kcheck", "config", "--feature", "tcp-est"}, {"tcp-established", "tcp-established-ipv6"}},
      {{"kcheck", "show", "kernel.membar"}, {"kernel.membarrier"}},
      {{"kcheck", "explain", "--id", "tree.root-d"}, {"tree.root-dead"}},
      {{"kcheck", "config", "--arch", "x86"}, {"x86_64"}},
      {{"kcheck", "tree", "1", "--", "criu", "tr"}, {}, {}, {"tree"}},
      {{"kernel-builder", "build", "6.1"}, {"6.1", "6.12"}},
      {{"criu-builder", "build", "def"}, {"default"}},
      {{"criu-builder", "fetch", "4.2"}, {"4.2", "4.2.1"}},
      {{"rootfs-builder", "build", "kata"}, {"kata", "kata-extension"}},
      {{"rootfs-builder", "verify", "x.img", "--recipe", "de"}, {"demo"}},
      {{"rootfs-builder", "convert", "--form", "kata-"}, {"kata-dax", "kata-erofs"}},
      {{"guest-run", "--acc"}, {"--accel"}},
      {{"guest-run", "--accel", "t"}, {"tcg"}},
      {{"guest-checkpoint", ""}, {"dump", "restore", "status", "help"}},
      {{"guest-checkpoint", "dump", "--leave"}, {"--leave-running", "--leave-stopped"}},
  };
  for (const auto& [words, exactly, among, without] : cases) {
    const auto got = offered(words);
    const auto has = [&](const std::string& word) { return std::ranges::find(got, word) != got.end(); };
    if (!exactly.empty()) {
      EXPECT_EQ(got, exactly) << join(words, " ");
    }
    for (const auto& word : among) EXPECT_TRUE(has(word)) << join(words, " ") << ": " << word;
    for (const auto& word : without) EXPECT_FALSE(has(word)) << join(words, " ") << ": " << word;
    EXPECT_FALSE(has("FAILED")) << join(got, "\n");
  }
}

TEST(Bash, CompletesDirectoriesWhereOneIsWanted) {
  const TemporaryDirectory directory;
  fs::create_directory(directory.path() / "a folder");
  ASSERT_TRUE(write_file_atomically(directory.path() / "a file", ""));
  const std::string begin = (directory.path() / "a").string();
  EXPECT_EQ(offered({"kernel-builder", "build", "-o", begin}), (Words{begin + " folder"}));
  EXPECT_EQ(offered({"kcheck", "image", begin}), Words{});  // files are the shell's own to complete
}

// An option and each of its names, everywhere: what the descriptions have, bash offers.
TEST(Bash, OffersEachOptionOfEachCommand) {
  for (const auto& name : tool_names)
    for (const auto& part : parts_of(description(name))) {
      Words words = {name, "-"};
      if (part.contains("name")) words.insert(words.begin() + 1, part["name"].get<std::string>());
      const auto got = offered(words);
      for (const auto& word : part["options"])
        for (const std::string option : word["names"])
          EXPECT_TRUE(std::ranges::find(got, option) != got.end()) << join(words, " ") << " lacks " << option;
    }
}

TEST(Fish, CompletesCommandsOptionsAndValues) {
  if (!find_program("fish")) GTEST_SKIP() << "no fish here";
  for (const auto& [line, word] : {std::pair{"kcheck tr", "tree"},
                                   {"kcheck tree --sp", "--spec"},
                                   {"kcheck show kernel.membar", "kernel.membarrier"},
                                   {"kcheck --format sar", "sarif"},
                                   {"rootfs-builder build kata-e", "kata-extension"},
                                   {"kernel-builder build 6.12", "6.12"}}) {
    const std::string tool = std::string(line).substr(0, std::string(line).find(' '));
    const auto result =
        run({"fish", "--no-config", "-c",
             "source '" + (share / "fish" / "vendor_completions.d" / (tool + ".fish")).string() +
                 "'; complete -C '" + line + "'"});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->err, "") << line;
    EXPECT_TRUE(result->out.starts_with(word)) << line << ": " << result->out;
  }
}

}  // namespace
}  // namespace cg
