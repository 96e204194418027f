#include "criu_command.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cg::demo {
namespace {

bool has(const std::vector<std::string>& argv, std::string_view word) {
  return std::ranges::find(argv, word) != argv.end();
}

// The word after `option`, for each time it is given.
std::vector<std::string> values(const std::vector<std::string>& argv, std::string_view option) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i + 1 < argv.size(); ++i)
    if (argv[i] == option) result.push_back(argv[i + 1]);
  return result;
}

DumpRequest a_dump() {
  return {.criu = "/usr/sbin/criu",
          .pid = 42,
          .images = "/w/images",
          .log = "/w/dump.log",
          .cgroup = "/sys/fs/cgroup/demo/container",
          .binds = {{"/w/shm", "/dev/shm", "shm"}, {"/w/hosts", "/etc/hosts", "hosts"}}};
}

RestoreRequest a_restore() {
  return {.criu = "/usr/sbin/criu",
          .images = "/w/images",
          .log = "/w/restore.log",
          .root = "/w/root",
          .pidfile = "/w/pid",
          .binds = {{"/w/shm", "/dev/shm", "shm"}, {"/w/hosts", "/etc/hosts", "hosts"}},
          .pipes = {{5, 100}, {7, 101}}};
}

TEST(CriuVersion, IsReadFromTheVersionLine) {
  EXPECT_EQ(parse_criu_version("Version: 4.1.1\nGitID: v4.1.1\n").value(), (CriuVersion{4, 1, 1}));
  EXPECT_EQ(parse_criu_version("noise\nVersion: 3.19\n").value(), (CriuVersion{3, 19, 0}));
  EXPECT_EQ(parse_criu_version("Version: 4.2-rc1\n").value(), (CriuVersion{4, 2, 0}));
}

TEST(CriuVersion, WhatIsNoVersionIsRefused) {
  for (const char* text : {"", "criu 4.1.1\n", "Version:\n", "Version: four\n", "Version: 4\n"}) {
    const auto version = parse_criu_version(text);
    ASSERT_FALSE(version) << text;
    EXPECT_EQ(version.error().kind, ErrorKind::refused);
  }
}

TEST(CriuVersion, OrderAndText) {
  EXPECT_LT((CriuVersion{3, 19, 0}), (CriuVersion{4, 0, 0}));
  EXPECT_LT((CriuVersion{4, 1, 0}), (CriuVersion{4, 1, 1}));
  EXPECT_EQ((CriuVersion{4, 1, 1}).text(), "4.1.1");
  EXPECT_EQ((CriuVersion{4, 2, 0}).text(), "4.2");
}

TEST(DumpCommand, DeclaresTheGuestsMountsAndTheFrozenCgroup) {
  const auto argv = dump_command(a_dump(), {});
  EXPECT_EQ(argv[0], "/usr/sbin/criu");
  EXPECT_EQ(argv[1], "dump");
  EXPECT_EQ(values(argv, "--tree"), std::vector<std::string>{"42"});
  EXPECT_EQ(values(argv, "--external"),
            (std::vector<std::string>{"mnt[/dev/shm]:shm", "mnt[/etc/hosts]:hosts"}));
  EXPECT_EQ(values(argv, "--freeze-cgroup"), std::vector<std::string>{"/sys/fs/cgroup/demo/container"});
  EXPECT_TRUE(has(argv, "--manage-cgroups=soft"));
}

TEST(DumpCommand, EachOmissionTakesAwayItsOwnOptionOnly) {
  EXPECT_TRUE(values(dump_command(a_dump(), {Omission::external}), "--external").empty());
  EXPECT_FALSE(has(dump_command(a_dump(), {Omission::external}), "--enable-external-masters"));
  EXPECT_FALSE(has(dump_command(a_dump(), {Omission::freeze_cgroup}), "--freeze-cgroup"));
  EXPECT_FALSE(has(dump_command(a_dump(), {Omission::pause}), "--freeze-cgroup"));  // nothing is frozen then
  EXPECT_TRUE(has(dump_command(a_dump(), {Omission::cgroups}), "--manage-cgroups=ignore"));
  EXPECT_EQ(dump_command(a_dump(), {Omission::compat_mode, Omission::session, Omission::inherit_pipes}),
            dump_command(a_dump(), {}));
}

TEST(RestoreCommand, MapsMountsAndPipes) {
  const auto argv = restore_command({4, 1, 1}, PropagationRule::any_namespace, a_restore(), {});
  EXPECT_EQ(argv[1], "restore");
  EXPECT_EQ(values(argv, "--root"), std::vector<std::string>{"/w/root"});
  EXPECT_EQ(values(argv, "--external"), (std::vector<std::string>{"mnt[shm]:/w/shm", "mnt[hosts]:/w/hosts"}));
  EXPECT_EQ(values(argv, "--inherit-fd"), (std::vector<std::string>{"fd[5]:pipe:[100]", "fd[7]:pipe:[101]"}));
  EXPECT_TRUE(values(restore_command({4, 1, 1}, PropagationRule::any_namespace, a_restore(),
                                     {Omission::inherit_pipes}),
                     "--inherit-fd")
                  .empty());
}

TEST(RestoreCommand, TheOlderMountEngineOnlyWhereVersionAndKernelNeedIt) {
  const auto compat = [](CriuVersion version, PropagationRule rule, const Omissions& omit = {}) {
    return has(restore_command(version, rule, a_restore(), omit), "--mntns-compat-mode");
  };
  using enum PropagationRule;
  EXPECT_TRUE(compat({3, 17, 1}, own_namespace_only));
  EXPECT_TRUE(compat({3, 19, 0}, own_namespace_only));
  EXPECT_TRUE(compat({4, 1, 0}, own_namespace_only));
  EXPECT_FALSE(compat({4, 1, 1}, own_namespace_only));
  EXPECT_FALSE(compat({4, 2, 1}, own_namespace_only));
  EXPECT_FALSE(compat({3, 19, 0}, any_namespace));
  EXPECT_FALSE(compat({3, 16, 1}, own_namespace_only));  // does not know the option
  EXPECT_FALSE(compat({3, 19, 0}, own_namespace_only, {Omission::compat_mode}));
}

TEST(Omission, EveryNameIsKnownAndAWrongOneGetsAHint) {
  for (const auto& name : omission_names()) EXPECT_TRUE(parse_omission(name)) << name;
  const auto wrong = parse_omission("extrenal");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
  EXPECT_NE(wrong.error().message.find("did you mean external"), std::string::npos) << wrong.error().message;
}

}  // namespace
}  // namespace cg::demo
