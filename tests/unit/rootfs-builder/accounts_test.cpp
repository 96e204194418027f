#include "recipe/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "base/process.h"
#include "temporary_directory.h"

namespace cg {
namespace {

using Texts = std::map<std::string, std::string>;

const Texts debian = {
    {"/etc/passwd",
     "root:x:0:0:root:/root:/bin/bash\n"
     "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
     "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
     "+::::::\n"},
    {"/etc/group", "root:x:0:\ndaemon:x:1:\nshadow:x:42:\nkvm:x:999:daemon\n"},
    {"/etc/shadow", "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n_apt:*:19000:0:99999:7:::\n"},
    {"/etc/gshadow", "root:*::\ndaemon:*::\nshadow:*::\nkvm:!::daemon\n"}};

Accounts load(const Texts& texts) {
  auto accounts = Accounts::load([&](const std::string& path) -> Result<std::optional<std::string>> {
    const auto found = texts.find(path);
    return found == texts.end() ? std::nullopt : std::optional(found->second);
  });
  EXPECT_TRUE(accounts);
  return std::move(*accounts);
}

std::string error_of(Accounts accounts, const RecipeUser& user) {
  const auto applied = accounts.apply(user, 1);
  return applied ? "" : applied.error().message;
}

TEST(AccountsTest, AUserGetsALineInEveryFile) {
  Accounts accounts = load(debian);
  ASSERT_TRUE(accounts.apply(RecipeUser{.name = "agent",
                                        .uid = 500,
                                        .groups = {"kvm"},
                                        .comment = "The agent",
                                        .home = "/var/lib/agent",
                                        .shell = "/bin/sh"},
                             20000));
  EXPECT_EQ(accounts.passwd.text(),
            "root:x:0:0:root:/root:/bin/bash\n"
            "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
            "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
            "agent:x:500:500:The agent:/var/lib/agent:/bin/sh\n"
            "+::::::\n");
  EXPECT_EQ(accounts.group.text(),
            "root:x:0:\ndaemon:x:1:\nshadow:x:42:\nkvm:x:999:daemon,agent\nagent:x:500:\n");
  EXPECT_TRUE(accounts.shadow.text().ends_with("agent:!:20000:0:99999:7:::\n"));
  EXPECT_EQ(accounts.gshadow.text(), "root:*::\ndaemon:*::\nshadow:*::\nkvm:!::daemon,agent\nagent:!::\n");
  // The same again changes nothing.
  Accounts again = load({{"/etc/passwd", accounts.passwd.text()},
                         {"/etc/group", accounts.group.text()},
                         {"/etc/shadow", accounts.shadow.text()},
                         {"/etc/gshadow", accounts.gshadow.text()}});
  ASSERT_TRUE(again.apply(RecipeUser{.name = "agent", .uid = 500, .groups = {"kvm"}}, 20001));
  for (const AccountFile* file : {&again.passwd, &again.group, &again.shadow, &again.gshadow})
    EXPECT_FALSE(file->changed()) << file->path();
}

TEST(AccountsTest, NumbersAreFoundAndNeverTaken) {
  Accounts accounts = load(debian);
  ASSERT_TRUE(accounts.apply(RecipeUser{.name = "one"}, {}));
  ASSERT_TRUE(accounts.apply(RecipeUser{.name = "two", .group = "shadow"}, {}));
  EXPECT_EQ(accounts.ids("one")->uid, 998U);  // 999 is a group's
  EXPECT_EQ(accounts.ids("one")->gid, 998U);
  EXPECT_EQ(accounts.ids("two")->uid, 997U);
  EXPECT_EQ(accounts.ids("two")->gid, 42U);
  EXPECT_NE(error_of(load(debian), {.name = "x", .uid = 1}).find("is that of daemon"), std::string::npos);
  EXPECT_NE(error_of(load(debian), {.name = "daemon", .uid = 7}).find("has the number 1 already"),
            std::string::npos);
  EXPECT_NE(error_of(load(debian), {.name = "x", .groups = {"kvn"}}).find("kvm"), std::string::npos);
  EXPECT_NE(error_of(load(debian), {.name = "x", .group = "kvn"}).find("[[group]]"), std::string::npos);
  EXPECT_NE(error_of(load(debian), {.name = "Bad Name"}).find("a name has"), std::string::npos);
  EXPECT_NE(error_of(load(debian), {.name = "x", .home = "/a:b"}).find("home"), std::string::npos);
  Accounts group = load(debian);
  EXPECT_FALSE(group.apply(RecipeGroup{.name = "new", .gid = 42}));
  EXPECT_FALSE(group.apply(RecipeGroup{.name = "kvm", .gid = 5}));
  EXPECT_TRUE(group.apply(RecipeGroup{.name = "new", .gid = 43, .members = {"daemon"}}));
  EXPECT_TRUE(group.group.text().ends_with("new:x:43:daemon\n"));
}

TEST(AccountsTest, PasswordsAreSetAndLocked) {
  const Texts with = {{"/etc/passwd", "u:x:5:5::/:/bin/sh\n"},
                      {"/etc/group", "u:x:5:\n"},
                      {"/etc/shadow", "u:$y$hash:1:0:9:7:::\n"}};
  Accounts locked = load(with);
  ASSERT_TRUE(locked.apply(RecipeUser{.name = "u"}, {}));
  EXPECT_EQ(locked.shadow.text(), "u:!$y$hash:1:0:9:7:::\n");
  EXPECT_FALSE(locked.gshadow.exists());
  Accounts open = load(with);
  ASSERT_TRUE(open.apply(RecipeUser{.name = "u", .password = "$y$new", .locked = false}, {}));
  EXPECT_EQ(open.shadow.text(), "u:$y$new:1:0:9:7:::\n");
  // Without a shadow file the field itself says it.
  Accounts plain = load({{"/etc/passwd", ""}, {"/etc/group", ""}});
  ASSERT_TRUE(plain.apply(RecipeUser{.name = "u", .uid = 5}, {}));
  EXPECT_EQ(plain.passwd.text(), "u:!:5:5::/nonexistent:/usr/sbin/nologin\n");
}

// shadow's own checkers find nothing; grpck looks for members among this machine's users.
TEST(AccountsTest, PwckAndGrpckAgree) {
  if (!find_program("pwck")) GTEST_SKIP() << "pwck (package passwd) is not installed";
  Texts texts = debian;
  texts["/etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\n";
  texts["/etc/shadow"] = "root:*:19000:0:99999:7:::\n";
  texts["/etc/group"] = "root:x:0:\nkvm:x:999:\n";
  texts["/etc/gshadow"] = "root:*::\nkvm:!::\n";
  Accounts accounts = load(texts);
  ASSERT_TRUE(accounts.apply(RecipeUser{.name = "daemon", .groups = {"kvm"}, .home = "/", .shell = "/bin/sh"},
                             20000));
  const TemporaryDirectory directory;
  for (const AccountFile* file : {&accounts.passwd, &accounts.group, &accounts.shadow, &accounts.gshadow})
    std::ofstream(directory.path() / file->path().substr(5)) << file->text();
  const auto at = [&](const char* name) { return (directory.path() / name).string(); };
  const auto users = run({"pwck", "-r", at("passwd"), at("shadow")});
  EXPECT_EQ(users->status, 0) << users->out << users->err;
  const auto groups = run({"grpck", "-r", at("group"), at("gshadow")});
  EXPECT_EQ(groups->status, 0) << groups->out << groups->err;
}

}  // namespace
}  // namespace cg
