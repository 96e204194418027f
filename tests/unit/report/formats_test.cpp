// SARIF, JUnit, Markdown, HTML and waivers.
#include "report/formats.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "example_report.h"
#include "report/markup.h"
#include "report/waiver.h"
#include "temporary_directory.h"

namespace cg {
namespace {

TEST(Sarif, PointsAtTheLine) {
  const auto document = nlohmann::json::parse(to_sarif(example_report()));
  EXPECT_EQ(document["version"], "2.1.0");
  const auto& results = document["runs"][0]["results"];
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0]["ruleId"], "kernel.x");
  EXPECT_EQ(results[0]["level"], "error");
  EXPECT_EQ(results[1]["level"], "warning");
  const auto& place = results[0]["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "guest.conf");
  EXPECT_EQ(place["region"]["startLine"], 7);
  EXPECT_EQ(document["runs"][0]["tool"]["driver"]["rules"].size(), 2U);
}

// Code hosts refuse a file in which any result has none.
TEST(Sarif, EveryResultHasAPlace) {
  Report report = example_report();
  report.subjects[0].name = "running kernel";
  for (auto& finding : report.subjects[0].findings) finding.file.clear(), finding.line = 0;
  report.subjects[0].findings.back().file = (std::filesystem::current_path() / "a b.conf").string();
  report.subjects[0].findings.push_back(example_finding("kernel.u", Verdict::unknown));
  report.subjects[0].findings.back().file = "/elsewhere/c.conf";
  const auto document = nlohmann::json::parse(to_sarif(report));
  const auto& results = document["runs"][0]["results"];
  ASSERT_EQ(results.size(), 3U);
  std::vector<std::string> uris;
  for (const auto& result : results)
    uris.push_back(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]);
  EXPECT_EQ(uris, (std::vector<std::string>{"running%20kernel", "a%20b.conf", "file:///elsewhere/c.conf"}));
  EXPECT_EQ(results[2]["level"], "note");
  EXPECT_NE(results[0]["partialFingerprints"]["finding/v1"], results[1]["partialFingerprints"]["finding/v1"]);
}

TEST(Sarif, ARuleLeadsToWhatItIsKnownFrom) {
  Report report = example_report();
  report.subjects[0].findings.clear();
  const std::vector<std::pair<std::string, std::string>> sources = {
      {"v4.2:criu/net.c:2099", "https://github.com/checkpoint-restore/criu/blob/v4.2/criu/net.c#L2099"},
      {"https://github.com/checkpoint-restore/criu/issues/2705; seen in the lab",
       "https://github.com/checkpoint-restore/criu/issues/2705"},
      {"read in the kernel", ""}};
  for (std::size_t i = 0; i < sources.size(); ++i) {
    report.subjects[0].findings.push_back(example_finding("kernel." + std::to_string(i), Verdict::fail));
    report.subjects[0].findings.back().source = sources[i].first;
  }
  const auto document = nlohmann::json::parse(to_sarif(report));
  const auto& rules = document["runs"][0]["tool"]["driver"]["rules"];
  ASSERT_EQ(rules.size(), sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i)
    EXPECT_EQ(rules[i].value("helpUri", ""), sources[i].second) << sources[i].first;
}

TEST(Commands, StandInEveryPage) {
  Report report = example_report();
  report.subjects[0].commands = {{"dump", {"criu", "dump", "--external", "mnt[/a b]:x"}}};
  const std::string command = "criu dump --external 'mnt[/a b]:x'";
  EXPECT_TRUE(to_markdown(report).contains("```sh\n" + command + "\n```")) << to_markdown(report);
  EXPECT_TRUE(to_html(report).contains(escape_markup(command))) << to_html(report);
}

// What is to be done stands before the table of all that was asked.
TEST(Html, BeginsWithWhatFails) {
  const std::string page = to_html(example_report());
  EXPECT_LT(page.find("NOT READY"), page.find("id=\"grid\""));
  EXPECT_LT(page.find("CONFIG_X=y"), page.find("id=\"grid\""));
}

TEST(Junit, CountsAndIsWellFormed) {
  const std::string text = to_junit(example_report());
  EXPECT_TRUE(text.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\"")) << text;
  EXPECT_TRUE(text.contains("a &lt;title&gt; &amp; &quot;more&quot;"));
  TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "j.xml", text));
  const auto parsed = run({"python3", "-c", "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])",
                           (directory.path() / "j.xml").string()});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->status, 0) << parsed->err;
}

TEST(Markdown, KeepsItsTables) {
  const std::string text = to_markdown(example_report());
  EXPECT_TRUE(text.contains("| verdict | PASS | FAIL |")) << text;
  EXPECT_TRUE(
      text.contains("| FAIL | kernel.x: a \\<title> & \"more\" | CONFIG\\_X is \\| not set (guest.conf:7) | "
                    "CONFIG\\_X=y |"))
      << text;
}

TEST(Markup, ReplacesWhatIsNoText) {
  EXPECT_EQ(escape_markup("a\x01\xff\xc3\xa9\xed\xa0\x80"),
            "a\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Waivers, CountUntilTheirDay) {
  const auto waivers = parse_waivers(
      "[[waiver]]\nid = \"kernel.x\"\nreason = \"no such task\"\nexpires = 2026-12-31\n", "w.toml");
  ASSERT_TRUE(waivers) << waivers.error().message;
  Report waived = example_report();
  EXPECT_TRUE(apply_waivers(waived, *waivers, "2026-12-31").empty());
  EXPECT_EQ(waived.subjects[0].verdict, Verdict::warn);
  EXPECT_EQ(waived.subjects[0].findings[0].waiver, "no such task (until 2026-12-31)");
  EXPECT_EQ(exit_status(waived, Strictness::normal), 0);
  EXPECT_TRUE(nlohmann::json::parse(to_sarif(waived))["runs"][0]["results"][0].contains("suppressions"));

  Report late = example_report();
  const auto notes = apply_waivers(late, *waivers, "2027-01-01");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with("w.toml:1: the waiver for kernel.x expired on 2026-12-31")) << notes[0];
  EXPECT_EQ(exit_status(late, Strictness::normal), 1);
}

// A waiver with a subject is for that one alone.
TEST(Waivers, WithASubjectLeaveTheOthersAlone) {
  Report report = example_report();
  report.subjects.push_back(report.subjects[0]);
  report.subjects[0].name = "one.conf";
  report.subjects[1].name = "other.conf";
  const auto waivers = parse_waivers(
      "[[waiver]]\nid = \"kernel.x\"\nsubject = \"other.conf\"\nreason = \"r\"\nexpires = 2026-12-31\n", "w");
  ASSERT_TRUE(waivers) << waivers.error().message;
  apply_waivers(report, *waivers, "2026-01-01");
  EXPECT_EQ(report.subjects[0].findings[0].waiver, "");
  EXPECT_EQ(report.subjects[0].verdict, Verdict::fail);
  EXPECT_NE(report.subjects[1].findings[0].waiver, "");
  EXPECT_EQ(exit_status(report, Strictness::normal), 1);
}

// What is waived leaves another version's column as open as it was without.
TEST(Waivers, LeaveOpenWhatIsOpenForAnotherVersion) {
  const auto waivers =
      parse_waivers("[[waiver]]\nid = \"kernel.x\"\nreason = \"r\"\nexpires = 2026-12-31\n", "w").value();
  Report some = example_report();
  Subject& subject = some.subjects[0];
  subject.versions = {{"1", Verdict::fail, {"kernel.x"}, false, {}, {"kernel.y"}},
                      {"2", Verdict::fail, {"kernel.x"}, false, {}, {}},
                      {"3", Verdict::unknown, {"kernel.x"}, false, {}, {"kernel.x"}}};
  apply_waivers(some, waivers, "2026-01-01");
  EXPECT_EQ(subject.versions[0].verdict, Verdict::unknown);
  EXPECT_EQ(subject.versions[0].reasons, std::vector<std::string>{"kernel.y"});
  EXPECT_EQ(subject.versions[1].verdict, Verdict::warn);
  EXPECT_EQ(subject.versions[2].verdict, Verdict::warn);
}

TEST(Waivers, ThatFitNothingAreNamedAndBadOnesRefused) {
  Report some = example_report();
  const auto waivers =
      parse_waivers("[[waiver]]\nid = \"kernel.xx\"\nreason = \"r\"\nexpires = \"2026-12-31\"\n", "w");
  const auto notes = apply_waivers(some, *waivers, "2026-01-01");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].contains("did you mean kernel.")) << notes[0];
  for (const char* bad :
       {"[[waiver]]\nid = \"a\"\nexpires = 2026-12-31\n", "[[waiver]]\nid = \"a\"\nreason = \"r\"\n",
        "[[waiver]]\nid = \"a\"\nreason = \"r\"\nexpires = \"soon\"\n",
        "[[waiver]]\nid = \"a\"\nreason = \"r\"\nexpires = \"9999-99-99\"\n",
        "[[waiver]]\nid = \"a\"\nreason = \"r\"\nexpires = \"2026-02-29\"\n", "[[waver]]\n", "x"})
    EXPECT_FALSE(parse_waivers(bad, "w")) << bad;
}

}  // namespace
}  // namespace cg
