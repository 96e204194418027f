#include "recipe/recipe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "base/toml/toml.h"
#include "image/reader.h"
#include "json_schema.h"
#include "recipe/kata_extension.h"
#include "recipe/package_archive.h"
#include "rootfs_builder_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class RecipeCase : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(directory_.path() / name) << text;
    return directory_.path() / name;
  }
  std::string error_of(const std::string& text) {
    const auto recipe = load_recipe(write("recipe.toml", text));
    return recipe ? "" : recipe.error().message;
  }
  struct Outcome {
    int status;
    std::string out;
    std::string err;
  };
  Outcome build(std::vector<std::string> args) {
    args.insert(args.begin(), "build");
    return tool(args);
  }
  Outcome tool(const std::vector<std::string>& args) {
    std::ostringstream out, err;
    std::istringstream in;
    Environment env{out, err, in, [](std::string_view) { return std::optional<std::string>(); }};
    const int status = rootfs_builder_main(args, env);
    return {status, out.str(), err.str()};
  }
  TemporaryDirectory directory_;
};

TEST_F(RecipeCase, TheOnesWeShipLoad) {
  for (const char* name : {"demo", "kata", "kata-extension", "runtimes"}) {
    const auto recipe =
        load_recipe(fs::path(CG_SOURCE_DIR) / "recipes/rootfs" / (std::string(name) + ".toml"));
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->name, name);
    for (const auto& file : recipe->files) {
      if (file.source.empty()) continue;
      EXPECT_TRUE(fs::is_regular_file(file.source)) << file.source;
    }
  }
}

TEST_F(RecipeCase, AnExtensionHasANameThatKataTakes) {
  const auto named = [&](const std::string& name) {
    return error_of("name = \"x\"\nform = \"kata-erofs\"\nkata_extension = \"" + name + "\"\n");
  };
  EXPECT_TRUE(named("a b").contains("letters, digits"));
  EXPECT_TRUE(named("elevenchars").contains("1 to 10"));
  EXPECT_TRUE(error_of("name = \"x\"\nkata_extension = \"criu\"\n").contains("EROFS"));
  EXPECT_EQ(named("ten-chars_"), "");
}

TEST(KataExtension, TheDropInIsTomlWhateverThePathHolds) {
  const std::string text = kata_drop_in("criu", "/a \"b\"\\c\n.img",
                                        image::VerityTree{.root_hash = "ab", .salt = "cd", .data_blocks = 7});
  const auto document = parse_toml(text, "drop-in");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_TRUE(text.contains("[[hypervisor.qemu.guest_extension_images]]\nname = \"criu\"\n"));
  EXPECT_TRUE(text.contains(
      "verity_params = \"root_hash=ab,salt=cd,data_blocks=7,data_block_size=4096,hash_block_size=4096\"\n"))
      << text;
  EXPECT_TRUE(text.contains("path = \"/a \\\"b\\\"\\\\c\\u000A.img\"\n")) << text;
  EXPECT_TRUE(kata_drop_in("criu", "/x", std::nullopt).contains("verity_params = \"\"\n"));
}

TEST_F(RecipeCase, MistakesNameFileLineAndTheNearestKey) {
  EXPECT_TRUE(error_of("name = 1\n").contains("recipe.toml:1:"));
  EXPECT_TRUE(error_of("name = \"x\"\nmergd_usr = true\n").contains("recipe.toml:2:"));
  EXPECT_TRUE(error_of("name = \"x\"\nmergd_usr = true\n").contains("merged_usr"));
  EXPECT_TRUE(error_of("name = \"x\"\n[[file]]\ndest = \"/a\"\n").contains("'source' or a 'content'"));
  EXPECT_TRUE(error_of("name = \"x\"\n[[file]]\ndest = \"a\"\ncontent = \"\"\n").contains("starts with '/'"));
  EXPECT_TRUE(error_of("name = \"x\"\n[[directory]]\npath = \"/a\"\nmode = \"9\"\n").contains("octal"));
  EXPECT_TRUE(error_of("name = \"x\"\n[[directory]]\npath = \"/a\"\nneeds = \"agent\"\n").contains("agent"));
  EXPECT_TRUE(error_of("name = [\n").contains("recipe.toml:"));
  const auto holds = [&](const std::string& text, const char* line, const char* part) {
    const std::string error = error_of("name = \"x\"\n" + text);
    EXPECT_TRUE(error.contains(std::string("recipe.toml:") + line) && error.contains(part)) << error;
  };
  holds("form = \"ext5\"\n", "2:", "ext4");
  holds("form = \"erofs\"\ncompression = \"gzip\"\n", "3:", "lz4hc");
  holds("form = \"kata\"\ncompression = \"gzip\"\n", "3:", "the form kata has none");
  holds("[services]\nenabel = []\n", "3:", "enable");
  holds("[services]\nenable = [\"a.service\"]\nmask = [\"a.service\"]\n", "3:", "masked as well");
  holds("[sysctl]\nkernal.panic = 1\n", "3:", "kernel");
  holds("[sysctl]\nvm.overcommit_memory = 1.5\n", "3:", "vm.overcommit_memory");
  holds("[[user]]\nname = \"u\"\nshel = \"/bin/sh\"\n", "4:", "shell");
  holds("[[user]]\nname = \"u\"\nhome = \"x\"\n", "4:", "starts with '/'");
  holds("[[user]]\nname = \"u\"\nuid = -7\n", "4:", "numeric");
  holds("[[group]]\nname = \"g\"\ngig = 1\n", "4:", "gid");
  holds("[modules]\nnames = []\n", "3:", "at least one");
}

// A layer with units and accounts, and a recipe that sets them up.
class SystemCase : public RecipeCase {
 protected:
  SystemCase() {
    const fs::path base = directory_.path() / "base";
    fs::create_directories(base / "usr/lib/systemd/system");
    fs::create_directories(base / "etc");
    fs::create_symlink("usr/lib", base / "lib");
    std::ofstream(base / "usr/lib/systemd/system/a.service") << "[Install]\nWantedBy=multi-user.target\n";
    std::ofstream(base / "usr/lib/systemd/system/b.timer") << "[Install]\nWantedBy=timers.target\n";
    fs::create_directories(base / "etc/systemd/system/timers.target.wants");
    fs::create_symlink("/lib/systemd/system/b.timer",
                       base / "etc/systemd/system/timers.target.wants/b.timer");
    std::ofstream(base / "etc/passwd") << "root:x:0:0:root:/root:/bin/sh\n";
    std::ofstream(base / "etc/group") << "root:x:0:\nshadow:x:42:\n";
    std::ofstream(base / "etc/shadow") << "root:*:1:0:99999:7:::\n";
    fs::permissions(base / "etc/shadow", fs::perms(0600));
  }
  static constexpr const char* text = R"(
name = "system"
[[layer]]
source = "base"
[services]
enable = ["a.service"]
disable = ["b.timer"]
mask = ["c.service"]
[sysctl]
kernel.panic = 10
net.ipv4.ip_forward = true
"kernel.core_pattern" = "|/bin/false"
[[group]]
name = "runners"
gid = 700
members = ["agent"]
[[user]]
name = "agent"
uid = 701
home = "/var/lib/agent"
make_home = true
)";
};

TEST_F(SystemCase, ServicesSettingsAndUsersAreSetUpAndVerified) {
  const auto recipe = write("system.toml", text).string();
  const auto image = (directory_.path() / "image.img").string();
  ASSERT_EQ(build({recipe, "-o", image}).status, 0);
  const auto reader = image::ImageReader::open(image);
  ASSERT_TRUE(reader);
  using Last = image::LastLink;
  EXPECT_EQ(reader->stat("/etc/systemd/system/multi-user.target.wants/a.service", Last::keep)->meta.target,
            "/usr/lib/systemd/system/a.service");
  EXPECT_FALSE(reader->stat("/etc/systemd/system/timers.target.wants/b.timer", Last::keep));
  EXPECT_EQ(reader->stat("/etc/systemd/system/c.service", Last::keep)->meta.target, "/dev/null");
  EXPECT_EQ(reader->read("/etc/sysctl.d/90-system.conf").value(),
            "kernel.core_pattern = |/bin/false\nkernel.panic = 10\nnet.ipv4.ip_forward = 1\n");
  EXPECT_EQ(reader->read("/etc/group").value(),
            "root:x:0:\nshadow:x:42:\nrunners:x:700:agent\nagent:x:701:\n");
  EXPECT_EQ(reader->read("/etc/shadow").value(), "root:*:1:0:99999:7:::\nagent:!::0:99999:7:::\n");
  EXPECT_EQ(reader->stat("/etc/shadow")->meta.mode, 0600U);
  EXPECT_EQ(reader->stat("/var/lib/agent")->meta.uid, 701U);
  EXPECT_EQ(reader->stat("/var/lib/agent")->meta.mode, 0700U);
  auto verified = tool({"verify", image, "--recipe", recipe});
  EXPECT_TRUE(verified.out.contains("PASS    recipe")) << verified.out << verified.err;
  ASSERT_EQ(tool({"remove", image, "/etc/systemd/system/c.service"}).status, 0);
  ASSERT_EQ(tool({"chmod", image, "600", "/etc/sysctl.d/90-system.conf"}).status, 0);
  verified = tool({"verify", image, "--recipe", recipe});
  EXPECT_EQ(verified.status, 1);
  EXPECT_TRUE(verified.out.contains("c.service is not masked")) << verified.out;
  EXPECT_TRUE(verified.out.contains("/etc/sysctl.d/90-system.conf has mode 0600")) << verified.out;
}

TEST_F(SystemCase, WhatTheBaseDoesNotHaveIsRefusedAndNothingIsWritten) {
  const auto image = (directory_.path() / "image.img").string();
  std::string other = text;
  other.replace(other.find("\"a.service\""), 11, "\"aa.service\"");
  const auto outcome = build({write("system.toml", other).string(), "-o", image});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.contains("did you mean a.service")) << outcome.err;
  EXPECT_FALSE(fs::exists(image));
}

TEST_F(SystemCase, ThePlanIsAlsoThereAsFacts) {
  const auto outcome = build({write("system.toml", text).string(), "--dry-run", "--format", "json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(violation_of(outcome.out, "rootfs-builder.schema.json"), "") << outcome.out;
  const auto plan = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(plan["schema"], "criu-guest.image-plan/1");
  std::map<std::string, int> steps;
  for (const auto& step : plan["steps"]) ++steps[step["do"]];
  EXPECT_EQ(steps["sysctl"], 3);
  EXPECT_EQ(steps["user"] + steps["group"] + steps["enable"] + steps["disable"] + steps["mask"], 5);
  EXPECT_EQ(plan["steps"].back()["form"], "ext4");
}

TEST_F(SystemCase, EveryFormCanBeARecipes) {
  for (const char* form : {"kata", "kata-dax", "gpt", "initrd", "erofs", "kata-erofs"}) {
    const auto recipe = write("system.toml", "form = \"" + std::string(form) + "\"\n" + text).string();
    const auto image = (directory_.path() / "image.img").string();
    const auto outcome = build({recipe, "-o", image});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(tool({"verify", image, "--recipe", recipe}).out.contains("PASS    recipe")) << form;
  }
}

constexpr const char* small = R"(
name = "small"
merged_usr = true
[[input]]
name = "tool"
what = "the tool"
dest = "/bin/tool"
[[input]]
name = "agent"
dest = "/bin/agent"
optional = true
[[file]]
dest = "/etc/agent.conf"
content = "agent"
needs = "agent"
[[file]]
dest = "/etc/conf"
content = "conf"
mode = "0600"
[[symlink]]
directory = "/bin"
target = "tool"
names = ["tool", "other"]
unless_present = true
)";

TEST_F(RecipeCase, ABuiltImageHoldsWhatTheRecipeSays) {
  const auto recipe = write("small.toml", small).string();
  const auto tool = write("the-tool", "tool bytes").string();
  const auto image = (directory_.path() / "image.img").string();
  const auto outcome = build({recipe, "-o", image, "--set", "tool=" + tool});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.err.contains("NO agent")) << outcome.err;
  const auto reader = image::ImageReader::open(image);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->read("/usr/bin/tool").value(), "tool bytes");
  EXPECT_EQ(reader->read("/bin/other").value(), "tool bytes");
  EXPECT_EQ(reader->stat("/etc/conf")->meta.mode, 0600U);
  EXPECT_FALSE(reader->exists("/etc/agent.conf"));
  EXPECT_FALSE(reader->exists("/bin/agent"));
  ASSERT_EQ(build({recipe, "-o", image, "--set", "tool=" + tool, "--set", "agent=" + tool}).status, 0);
  const auto with_agent = image::ImageReader::open(image);
  EXPECT_TRUE(with_agent->exists("/etc/agent.conf"));
}

TEST_F(RecipeCase, InputsAreAskedForAndKnown) {
  const auto recipe = write("small.toml", small).string();
  const auto image = (directory_.path() / "image.img").string();
  auto outcome = build({recipe, "-o", image});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.err.contains("--set tool=")) << outcome.err;
  outcome = build({recipe, "-o", image, "--set", "tol=x"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.err.contains("tool")) << outcome.err;
  EXPECT_EQ(build({recipe, "-o", image, "--set", "tool=/no/such/file"}).status, 3);
  EXPECT_EQ(build({recipe}).status, 2);
  EXPECT_EQ(build({"dmo", "-o", image}).status, 2);
  EXPECT_FALSE(fs::exists(image));
}

TEST_F(RecipeCase, ADryRunPrintsThePlanAndWritesNothing) {
  const auto recipe = write("small.toml", small).string();
  const auto tool = write("the-tool", "tool bytes").string();
  const auto outcome = build({recipe, "--dry-run", "--set", "tool=" + tool});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.contains("file /bin/tool 0755 from " + tool)) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("without agent")) << outcome.out;
  EXPECT_FALSE(outcome.out.contains("agent.conf")) << outcome.out;
}

// A package file made of an entry; `from`: this machine's file with its bytes.
void put(PackageFiles& files, const std::string& path, const std::string& link, const fs::path& from = {}) {
  PackageFile file{std::unique_ptr<archive_entry, EntryFree>(archive_entry_new()), {}};
  archive_entry_set_pathname(file.entry.get(), path.c_str());
  archive_entry_set_filetype(file.entry.get(), link.empty() ? AE_IFREG : AE_IFLNK);
  if (!link.empty()) archive_entry_set_symlink(file.entry.get(), link.c_str());
  if (!from.empty()) {
    std::ifstream in(from, std::ios::binary);
    file.content.assign(std::istreambuf_iterator<char>(in), {});
  }
  archive_entry_set_size(file.entry.get(), static_cast<la_int64_t>(file.content.size()));
  files.insert_or_assign(path, std::move(file));
}

TEST(SelectFiles, FollowsLinksAndBringsLibraries) {
  PackageFiles files;
  put(files, "usr/bin/program", "", "/proc/self/exe");  // dynamic: it wants a loader and the C library
  put(files, "usr/bin/name", "program");
  put(files, "usr/share/doc/x", "");
  auto selected = select_files(files, {"usr/bin/name"});
  ASSERT_FALSE(selected);  // none of its libraries is there
  EXPECT_TRUE(selected.error().message.contains("usr/bin/program")) << selected.error().message;
  put(files, "usr/bin/program", "");
  selected = select_files(files, {"usr/bin/name"});
  ASSERT_TRUE(selected);
  EXPECT_EQ(*selected, (std::vector<std::string>{"usr/bin/name", "usr/bin/program"}));
  EXPECT_FALSE(select_files(files, {"usr/bin/nothing*"}));
}

// A link to busybox for what it does not have says "applet not found" to whoever uses it.
TEST(Demo, LinksLeadToAppletsThatBusyboxHas) {
  const auto busybox = find_program("busybox");
  if (!busybox) GTEST_SKIP() << "busybox is not installed";
  const auto list = run_checked({busybox->string(), "--list"});
  ASSERT_TRUE(list);
  const auto applets = split(*list, '\n');
  const auto recipe = load_recipe(fs::path(CG_SOURCE_DIR) / "recipes/rootfs/demo.toml");
  ASSERT_TRUE(recipe) << recipe.error().message;
  std::size_t seen = 0;
  for (const auto& link : recipe->links) {
    const std::string name = link.path.substr(link.path.rfind('/') + 1);
    if (!link.target.ends_with("busybox") || name == "init") continue;
    ++seen;
    EXPECT_TRUE(std::ranges::find(applets, name) != applets.end()) << link.path;
  }
  EXPECT_GT(seen, 80U);
}

// An image on standard output is the very file that it would have been.
TEST_F(RecipeCase, DashIsStandardOutput) {
  write("a", "bytes");
  const std::string from = directory_.path().string();
  const std::string file = (fs::temp_directory_path() / ("dash-" + std::to_string(getpid()))).string();
  const auto written = tool({"create", "--from", from, "-o", file, "--form", "erofs"});
  ASSERT_EQ(written.status, 0) << written.err;
  const auto streamed = tool({"create", "--from", from, "-o", "-", "--form", "erofs"});
  EXPECT_EQ(streamed.status, 0) << streamed.err;
  EXPECT_TRUE(streamed.out == read_file(file).value_or("")) << streamed.out.size();
  EXPECT_TRUE(streamed.err.starts_with("-: ")) << streamed.err;
  const auto converted = tool({"convert", file, "-o", "-", "--form", "erofs", "--format", "json"});
  EXPECT_EQ(converted.status, 0) << converted.err;
  EXPECT_GT(converted.out.size(), 1000U);
  EXPECT_TRUE(converted.err.contains("criu-guest.image-summary/1")) << converted.err;
  EXPECT_FALSE(fs::exists("-"));
  fs::remove(file);
}

TEST_F(RecipeCase, RecipesAreListed) {
  const auto listed = tool({"list", "--format", "json"});
  EXPECT_EQ(listed.status, 0) << listed.err;
  EXPECT_EQ(violation_of(listed.out, "rootfs-builder.schema.json"), "");
  EXPECT_TRUE(listed.out.contains("\"kata-extension\""));
  write("own.toml", "name = \"own\"\ndescription = \"mine\"\n");
  const auto own = tool({"list", "--recipes", directory_.path().string()});
  EXPECT_TRUE(own.out.contains("own ")) << own.out << own.err;
  const auto misspelt = build({"onw", "--recipes", directory_.path().string(), "-o", "x"});
  EXPECT_EQ(misspelt.status, 2);
  EXPECT_TRUE(misspelt.err.contains("did you mean own?")) << misspelt.err;
}

}  // namespace
}  // namespace cg
