// ext images whose structures contradict each other under checksums that hold: what debugfs writes.
#include "base/file.h"
#include "hostile/hostile_case.h"

namespace cg {
namespace {

class HostileExt : public Hostile {
 protected:
  void SetUp() override {
    Hostile::SetUp();
    NEEDS_PROGRAM("debugfs");
    ASSERT_EQ(create({{.path = "etc/conf", .content = "conf"}}).status, 0);
    ASSERT_TRUE(write_file_atomically(path("new"), "new"));
  }
  void damage(const std::string& request) {
    ASSERT_TRUE(run_checked({"debugfs", "-w", "-R", request, text("image.img")}));
    damaged_ = bytes_of(path("image.img"));
  }
  void expect_refused_edit(const std::vector<std::string>& args, std::string_view named) {
    const auto before = names_in(path(""));
    const auto outcome = rootfs_builder(args);
    EXPECT_EQ(outcome.status, 1) << args[0] << outcome.err;
    EXPECT_TRUE(outcome.err.contains(named)) << args[0] << outcome.err;
    EXPECT_TRUE(bytes_of(path("image.img")) == damaged_) << args[0];
    EXPECT_EQ(names_in(path("")), before) << args[0];
  }

 private:
  std::string damaged_;
};

// Whoever takes it loses the file that has it.
TEST_F(HostileExt, AnInodeInUseThatItsBitmapCallsFree) {
  damage("freei /etc/conf");
  for (const bool in_place : {false, true}) {
    for (std::vector<std::string> args :
         std::vector<std::vector<std::string>>{{"inject", text("image.img"), text("new") + ":/etc/new"},
                                               {"mkdir", text("image.img"), "/etc/directory"},
                                               {"symlink", text("image.img"), "target", "/etc/link"}}) {
      if (in_place) args.emplace_back("--in-place");
      expect_refused_edit(args, "is in use and marked as free");
    }
  }
}

TEST_F(HostileExt, AFirstBlockWhereNoneCanBe) {
  damage("ssv first_data_block 7");
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"inspect", text("image.img")},
           {"ls", text("image.img"), "/"},
           {"verify", text("image.img")},
           {"inject", text("image.img"), text("new") + ":/etc/new"},
           {"inject", "--in-place", text("image.img"), text("new") + ":/etc/new"}})
    expect_refused_edit(args, "begins at block 7");
}

}  // namespace
}  // namespace cg
