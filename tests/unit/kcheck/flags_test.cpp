// kcheck flags: the words behind "--" are criu's, exit statuses, both forms of the report.
#include <gtest/gtest.h>

#include "base/file.h"
#include "json_schema.h"
#include "scripted_tool.h"

namespace cg {
namespace {

TEST(Flags, ExitStatuses) {
  struct {
    Args args;
    int status;
  } const cases[] = {
      {{"flags", "--criu", "4.2", "--", "criu", "dump", "-t", "1"}, 0},
      {{"flags", "--criu=4.2", "--", "criu", "dump", "-t", "1", "--allow-uprobes"}, 0},
      {{"flags", "--criu=4.1", "--", "criu", "dump", "-t", "1", "--allow-uprobes"}, 1},
      {{"flags", "--", "criu", "dump", "-t", "1", "--enable-external-masters"}, 0},
      {{"flags", "--strict", "--", "criu", "dump", "-t", "1", "--enable-external-masters"}, 1},
      {{"flags", "--", "criu", "dump", "-t", "1", "--pidfile", "/run/p"}, 0},
      {{"flags", "--strict", "--", "criu", "dump", "-t", "1", "--pidfile", "/run/p"}, 1},
      {{"flags", "--", "criu", "dump", "-t", "1", "-shell-job"}, 1},
      {{"flags", "--", "criu", "dump", "-t", "1", "--skip-mnt", "/a"}, 0},
      {{"flags", "--strict", "--", "criu", "dump", "-t", "1", "--skip-mnt", "/a"}, 1},
      {{"flags", "--criu", "99.9", "--", "criu", "dump", "-t", "1"}, 3},
      {{"flags", "--"}, 2},
      {{"flags", "criu", "dump"}, 2},
  };
  for (const auto& test : cases) {
    const auto outcome = run_kcheck(test.args, "");
    EXPECT_EQ(outcome.status, test.status) << outcome.out << outcome.err;
  }
}

TEST(Flags, ShowsEveryVersion) {
  const auto outcome =
      run_kcheck({"flags", "--criu", "4.1", "--", "criu", "dump", "-t", "1", "--allow-uprobes"}, "");
  EXPECT_TRUE(outcome.out.contains("exists since CRIU 4.2")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("> CRIU 4.1    not ready: flags.unknown.allow-uprobes")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("  CRIU 4.2    ready")) << outcome.out;
}

// Versions of distributions of which the options are known, and nothing else.
TEST(Flags, VersionsKnownByTheirWords) {
  const auto lock = [](const std::string& version) {
    return run_kcheck(
        {"flags", "--criu", version, "--", "criu", "dump", "-t", "1", "--network-lock", "nftables"}, "");
  };
  EXPECT_EQ(lock("3.15").status, 1);
  EXPECT_TRUE(lock("3.15").out.contains("unknown to CRIU 3.15; it exists since CRIU 3.16"))
      << lock("3.15").out;
  EXPECT_EQ(lock("3.16.1").status, 0) << lock("3.16.1").out;
  const auto config = run_kcheck({"config", "-", "--criu", "3.16.1"}, "CONFIG_CHECKPOINT_RESTORE=y\n");
  EXPECT_EQ(config.status, 3) << config.out;
  EXPECT_TRUE(config.out.contains("known here to kcheck flags and explain only")) << config.out;
  const auto explained = run_kcheck(
      {"explain", "--criu", "3.16.1",
       "Error (criu/sk-inet.c:181): Connected TCP socket, consider using --tcp-established option."},
      "");
  EXPECT_EQ(explained.status, 0) << explained.out;
}

TEST(Flags, JsonFollowsTheSchema) {
  const auto outcome =
      run_kcheck({"flags", "--format", "json", "--", "criu", "dump", "-t", "0", "--nonsense", "\xff"}, "");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(violation_of(outcome.out, "kcheck.schema.json"), "") << outcome.out;
}

}  // namespace
}  // namespace cg
