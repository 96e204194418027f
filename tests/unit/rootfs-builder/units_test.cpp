// Links of systemd's units, beside those that systemctl itself makes where it is installed.
#include "recipe/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/process.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

class UnitsTest : public testing::Test {
 protected:
  UnitsTest() : tree_(root_.path()) {
    unit("a.service",
         "[Unit]\nDescription=a\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target \\\n  "
         "other.target\n"
         "RequiredBy=third.target\nAlias=also-a.service\nAlso=b.socket\n");
    unit("b.socket", "[Socket]\nListenStream=/run/b\n[Install]\nWantedBy=sockets.target\n");
    unit("inst@.service",
         "[Service]\nExecStart=/bin/true\n[Install]\nDefaultInstance=one\nWantedBy=%i.target\n");
    unit("plain@.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n");
    unit("static.service", "[Service]\nExecStart=/bin/true\n");
    unit("multi-user.target", "[Unit]\nDescription=m\n");
    fs::create_directories(at("/etc/systemd/system"));
    fs::create_symlink("usr/lib", at("/lib"));
    fs::create_symlink("a.service", at("/usr/lib/systemd/system/alias.service"));
  }
  fs::path at(const std::string& path) const { return root_.path() / path.substr(1); }
  void unit(const std::string& name, const std::string& text) {
    fs::create_directories(at("/usr/lib/systemd/system"));
    std::ofstream(at("/usr/lib/systemd/system/" + name)) << text;
  }
  void apply(const Result<std::vector<LinkChange>>& changes) {
    ASSERT_TRUE(changes) << changes.error().message;
    for (const auto& change : *changes) {
      fs::create_directories(at(change.path).parent_path());
      fs::remove(at(change.path));
      if (!change.target.empty()) fs::create_symlink(change.target, at(change.path));
    }
  }
  // "link -> name of the file it leads to" of all links below /etc.
  std::vector<std::string> links() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(at("/etc/systemd/system")))
      if (entry.is_symlink())
        found.push_back(entry.path().lexically_relative(at("/etc/systemd/system")).string() + " -> " +
                        fs::read_symlink(entry.path()).filename().string());
    std::ranges::sort(found);
    return found;
  }
  void clear() {
    fs::remove_all(at("/etc/systemd/system"));
    fs::create_directories(at("/etc/systemd/system"));
  }
  static std::string error_of(const Result<std::vector<LinkChange>>& changes) {
    return changes ? "" : changes.error().message;
  }

  TemporaryDirectory root_;
  HostTree tree_;
};

TEST_F(UnitsTest, EnablesByTheInstallSection) {
  apply(enable_unit(tree_, "a.service"));
  const std::vector<std::string> enabled = {
      "also-a.service -> a.service", "multi-user.target.wants/a.service -> a.service",
      "other.target.wants/a.service -> a.service", "sockets.target.wants/b.socket -> b.socket",
      "third.target.requires/a.service -> a.service"};
  EXPECT_EQ(links(), enabled);
  EXPECT_TRUE(enable_unit(tree_, "a.service")->empty());
  EXPECT_TRUE(enable_unit(tree_, "alias.service")->empty());  // another name of the same
  apply(enable_unit(tree_, "inst@.service"));
  apply(enable_unit(tree_, "plain@x.service"));
  EXPECT_EQ(links().size(), 7U);
  apply(disable_unit(tree_, "plain@x.service"));
  apply(disable_unit(tree_, "inst@.service"));
  EXPECT_EQ(links(), enabled);
  apply(disable_unit(tree_, "a.service"));
  EXPECT_TRUE(links().empty());
  EXPECT_TRUE(disable_unit(tree_, "a.service")->empty());
}

TEST_F(UnitsTest, MasksAndRefuses) {
  apply(mask_unit(tree_, "a.service"));
  EXPECT_EQ(links(), std::vector<std::string>{"a.service -> null"});
  EXPECT_TRUE(mask_unit(tree_, "a.service")->empty());
  EXPECT_NE(error_of(enable_unit(tree_, "a.service")).find("is masked"), std::string::npos);
  apply(mask_unit(tree_, "never-heard-of.timer"));
  std::ofstream(at("/etc/systemd/system/own.service")) << "[Service]\n";
  EXPECT_NE(error_of(mask_unit(tree_, "own.service")).find("a file of its own"), std::string::npos);
  EXPECT_NE(error_of(enable_unit(tree_, "statc.service")).find("static.service"), std::string::npos);
  EXPECT_NE(error_of(enable_unit(tree_, "static.service")).find("[Install]"), std::string::npos);
  EXPECT_NE(error_of(enable_unit(tree_, "plain@.service")).find("plain@NAME.service"), std::string::npos);
  EXPECT_NE(error_of(enable_unit(tree_, "noending")).find("such as"), std::string::npos);
  EXPECT_NE(error_of(enable_unit(tree_, "../x.service")).find("such as"), std::string::npos);
}

TEST_F(UnitsTest, SystemctlMakesTheSameLinks) {
  if (!find_program("systemctl")) GTEST_SKIP() << "systemctl (package systemd) is not installed";
  for (const auto& [verb, names] : {std::pair<std::string, std::vector<std::string>>{
                                        "enable", {"a.service", "inst@.service", "plain@x.service"}},
                                    {"disable", {"a.service"}},
                                    {"mask", {"static.service"}}}) {
    clear();
    for (const char* name : {"b.socket", "a.service", "plain@y.service"}) apply(enable_unit(tree_, name));
    const auto start = links();
    for (const auto& name : names)
      apply(verb == "enable"    ? enable_unit(tree_, name)
            : verb == "disable" ? disable_unit(tree_, name)
                                : mask_unit(tree_, name));
    const auto ours = links();
    clear();
    for (const char* name : {"b.socket", "a.service", "plain@y.service"}) apply(enable_unit(tree_, name));
    ASSERT_EQ(links(), start);
    std::vector<std::string> argv = {"systemctl", "--root=" + root_.path().string(), verb};
    argv.insert(argv.end(), names.begin(), names.end());
    const auto done = run(argv);
    ASSERT_TRUE(done && done->status == 0) << done->err;
    EXPECT_EQ(ours, links()) << verb;
  }
}

}  // namespace
}  // namespace cg
