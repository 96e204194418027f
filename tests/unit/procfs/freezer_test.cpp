#include "procfs/freezer.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "temporary_directory.h"

namespace cg::procfs {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* name;
  bool v2;
  const char* state;  // of the container: what comes of all switches
  const char* own;    // its own switch
  const char* above;  // the pod's
  bool frozen;
  const char* nearest;  // "": none that is seen
};

TEST(Freezer, WhatIsFrozenAndByWhich) {
  const Case cases[] = {
      {"v1, thawed", false, "THAWED\n", "0\n", "0\n", false, ""},
      {"v1, itself", false, "FROZEN\n", "1\n", "0\n", true, "container"},
      {"v1, the one above", false, "FROZEN\n", "0\n", "1\n", true, "pod"},
      {"v1, not done yet", false, "FREEZING\n", "1\n", "0\n", true, "container"},
      {"v1, above the mount", false, "FROZEN\n", "0\n", "0\n", true, ""},
      {"v2, thawed", true, "populated 1\nfrozen 0\n", "0\n", "0\n", false, ""},
      {"v2, itself", true, "populated 1\nfrozen 1\n", "1\n", "0\n", true, "container"},
      {"v2, the one above", true, "populated 1\nfrozen 1\n", "0\n", "1\n", true, "pod"},
      {"v2, a traced task does not stop", true, "populated 1\nfrozen 0\n", "1\n", "0\n", true, "container"},
      {"v2, above the mount", true, "populated 1\nfrozen 1\n", "0\n", "0\n", true, ""},
  };
  for (const Case& one : cases) {
    const TemporaryDirectory directory;
    const auto put = [&](const fs::path& name, const std::string& text) {
      fs::create_directories((directory.path() / name).parent_path());
      ASSERT_TRUE(write_file_atomically(directory.path() / name, text));
    };
    const std::string own = one.v2 ? "cgroup.freeze" : "freezer.self_freezing";
    for (const char* level : {"cgroup.procs", "pod/cgroup.procs", "pod/container/cgroup.procs"})
      put(level, "");
    put("pod/container/" + std::string(one.v2 ? "cgroup.events" : "freezer.state"), one.state);
    put("pod/container/" + own, one.own);
    put("pod/" + own, one.above);
    CgroupEntry entry{.hierarchy = one.v2 ? 0 : 4, .path = "/pod/container"};
    if (!one.v2) entry.controllers = {"freezer"};
    const Freezer freezer = look_at_freezer(entry, directory.path() / "pod/container");
    EXPECT_EQ(freezer.frozen, one.frozen) << one.name;
    ASSERT_EQ(freezer.levels.size(), 3U) << one.name;
    EXPECT_EQ(freezer.nearest() ? fs::path(freezer.nearest()->directory).filename().string() : "",
              one.nearest)
        << one.name;
  }
  EXPECT_FALSE(look_at_freezer({}, "/no/such/directory").frozen);
}

}  // namespace
}  // namespace cg::procfs
