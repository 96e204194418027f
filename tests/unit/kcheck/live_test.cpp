// `kcheck live` over a scripted system: which version is judged, and what counts.
#include "live/live.h"

#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "criu/matrix.h"
#include "criu/versions.h"
#include "json_schema.h"
#include "report/json.h"

namespace cg {
namespace {

using Status = ProbeResult::Status;

struct Script {
  std::map<std::string, ProbeResult, std::less<>> probes;  // others pass
  std::string config;                                      // "": cannot be read
  Result<std::optional<Version>> criu = std::optional<Version>();
  Status others = Status::pass;

  LiveSystem system() const {
    return {"6.12.47",
            "x86_64",
            [this](std::string_view name) {
              const auto found = probes.find(name);
              return found == probes.end() ? ProbeResult{others, std::string(name)} : found->second;
            },
            [this](std::string& name) -> Result<KernelConfig> {
              if (config.empty()) return cannot("no configuration");
              name = "/proc/config.gz";
              return parse_config(config, name);
            },
            [this] { return criu; },
            [] { return std::string("scripted"); }};
  }
  Report check(const KcheckOptions& options) const {
    const auto report = check_live(options, builtin_matrix().value(), system());
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(Report{});
  }
};

KcheckOptions asking(std::string criu) {
  KcheckOptions options;
  options.criu = std::move(criu);
  return options;
}

std::string reasons(const Report& report, std::string_view version) {
  for (const auto& entry : report.subjects.at(0).versions)
    if (entry.version == version)
      return std::string(verdict_name(entry.verdict)) + (entry.reasons.empty() ? "" : " " + entry.reasons[0]);
  return "absent";
}

TEST(Live, AllPassingIsReady) {
  const Report report = Script{}.check(asking("4.1.1"));
  EXPECT_EQ(exit_status(report, Strictness::normal), 0);
  EXPECT_EQ(report.subjects[0].headline, "READY for CRIU 4.1.1");
}

TEST(Live, JudgesTheInstalledCriuElseTheDefault) {
  Script script;
  EXPECT_EQ(script.check({}).version, criu_versions().preferred.text());
  script.criu = std::optional(Version{{3, 19, 0}});
  EXPECT_EQ(script.check({}).version, "3.19");
  EXPECT_EQ(script.check(asking("3.17")).version, "3.17.1");
  script.criu = std::optional(Version{{99, 9, 0}});
  const Report newer = script.check({});
  EXPECT_EQ(newer.version, "99.9");
  EXPECT_EQ(newer.subjects[0].headline.substr(0, 39), "NOT KNOWN: CRIU 99.9 is not covered her");
  EXPECT_EQ(reasons(newer, "99.9"), "UNKNOWN criu.not-covered");
  EXPECT_EQ(exit_status(newer, Strictness::strict), 3);
}

TEST(Live, MembarrierDecidesForExactlyItsVersions) {
  Script script;
  script.probes["membarrier"] = {Status::fail, "membarrier(2): Function not implemented"};
  const Report report = script.check(asking("3.17.1"));
  EXPECT_EQ(exit_status(report, Strictness::normal), 0);  // other versions do not set the status
  EXPECT_EQ(reasons(report, "3.17.1"), "PASS");
  EXPECT_EQ(reasons(report, "3.18"), "PASS");
  for (const char* version : {"3.19", "4.0", "4.1", "4.1.1", "4.2", "4.2.1"})
    EXPECT_EQ(reasons(report, version), "FAIL kernel.membarrier");
  EXPECT_EQ(exit_status(script.check(asking("3.19")), Strictness::normal), 1);
}

TEST(Live, ARequiredProbeThatCouldNotLookLeavesItOpen) {
  Script script;
  script.probes["tmpfs"] = {Status::unknown, "needs CAP_SYS_ADMIN"};
  const Report report = script.check(asking("4.1.1"));
  EXPECT_EQ(exit_status(report, Strictness::normal), 3);
  EXPECT_TRUE(report.subjects[0].headline.starts_with("UNDECIDED for CRIU 4.1.1: 1 requirement"));
  script.config = "CONFIG_SHMEM=y\nCONFIG_TMPFS=y\n";
  // Now the configuration can say it.
  EXPECT_EQ(reasons(script.check(asking("4.1.1")), "4.1.1").find("tmpfs"), std::string::npos);
}

TEST(Live, FeaturesWarnUntilTheyAreAskedFor) {
  Script script;
  script.probes["userfaultfd"] = {Status::fail, "userfaultfd(2): Function not implemented"};
  KcheckOptions options = asking("4.1.1");
  EXPECT_EQ(exit_status(script.check(options), Strictness::normal), 0);
  EXPECT_EQ(exit_status(script.check(options), Strictness::strict), 1);
  options.features = {"lazy-pages"};
  EXPECT_EQ(exit_status(script.check(options), Strictness::normal), 1);
}

TEST(Live, UnknownWordsAreUsageErrorsWithAdvice) {
  const auto matrix = builtin_matrix().value();
  const auto version = check_live(asking("four"), matrix, Script{}.system());
  ASSERT_FALSE(version);
  EXPECT_EQ(exit_status(version.error()), 2);
  KcheckOptions options = asking("4.1.1");
  options.features = {"lazy-page"};
  const auto feature = check_live(options, matrix, Script{}.system());
  ASSERT_FALSE(feature);
  EXPECT_EQ(exit_status(feature.error()), 2);
  EXPECT_TRUE(feature.error().message.contains("did you mean lazy-pages"));
}

TEST(Live, ABrokenCriuOnPathIsNotGuessedAround) {
  Script script;
  script.criu = cannot("criu --version names no version");
  const auto report = check_live({}, builtin_matrix().value(), script.system());
  ASSERT_FALSE(report);
  EXPECT_EQ(exit_status(report.error()), 3);
}

TEST(Live, JsonFollowsItsSchemaWhateverTheAnswers) {
  const auto schema = nlohmann::json::parse(
      read_file(std::filesystem::path(CG_SOURCE_DIR) / "docs/kcheck.schema.json").value());
  for (const Status others : {Status::pass, Status::fail, Status::unknown, Status::not_applicable}) {
    Script script;
    script.others = others;
    script.config = "CONFIG_UNIX=y\n";
    const Report report = script.check(asking("4.2"));
    const auto document = nlohmann::json::parse(to_json(report, exit_status(report, Strictness::normal)));
    EXPECT_EQ(schema_violation(document, schema, schema), "");
    EXPECT_EQ(document["subjects"][0]["versions"].size(), criu_versions().all.size());
  }
}

TEST(Schema, RejectsWhatItShould) {
  const auto schema = nlohmann::json::parse(
      read_file(std::filesystem::path(CG_SOURCE_DIR) / "docs/kcheck.schema.json").value());
  const Report report = Script{}.check(asking("4.1.1"));
  const auto good = nlohmann::json::parse(to_json(report, 0));
  auto bad = good;
  bad["subjects"][0]["findings"][0]["verdict"] = "MAYBE";
  EXPECT_TRUE(schema_violation(bad, schema, schema).contains("$.subjects[0].findings[0].verdict"));
  bad = good;
  bad["subjects"][0].erase("headline");
  EXPECT_TRUE(schema_violation(bad, schema, schema).contains("lacks headline"));
  bad = good;
  bad["surprise"] = 1;
  EXPECT_TRUE(schema_violation(bad, schema, schema).contains("surprise"));
}

}  // namespace
}  // namespace cg
