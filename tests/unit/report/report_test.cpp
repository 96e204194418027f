#include "report/report.h"

#include <gtest/gtest.h>

#include "report/formats.h"
#include "report/json.h"
#include "report/text.h"

namespace cg {
namespace {

Finding finding(std::string id, Verdict verdict, bool required) {
  Finding result;
  result.id = std::move(id);
  result.title = "title of " + result.id;
  result.verdict = verdict;
  result.required = required;
  result.severity = required ? "startup" : "feature:f";
  result.seen = "what was seen";
  result.breaks = "what breaks";
  result.fix = "what to do";
  result.source = "where it is written";
  result.proof = "read";
  return result;
}

Report report_of(std::vector<Finding> findings) {
  Subject subject;
  subject.name = "s";
  subject.headline = "HEADLINE";
  subject.findings = std::move(findings);
  subject.verdict = overall_verdict(subject.findings);
  return Report{"live", "4.1.1", {subject}};
}

TEST(Text, WhatMovesACursorIsShown) {
  Finding evil = finding("a", Verdict::fail, true);
  evil.seen = "126 (e\x1b[31mvil\r\a)";
  evil.title = "t\x1b]0;x\a";
  Report report = report_of({evil, finding("b", Verdict::warn, false)});
  report.subjects[0].headline = "NOT READY: \x1b[2J";
  report.subjects[0].facts = {{"root", "1 (\x1b[1m\nx)"}};
  report.subjects[0].commands = {{"dump", {"criu", "\x1b[0m"}}};
  const std::string text = to_text(report, {.all_rows = true, .color = false});
  for (const char c : text)
    EXPECT_TRUE(c == '\n' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f)) << text;
  EXPECT_TRUE(text.contains("e\\x1b[31mvil")) << text;
}

TEST(Text, EndsInTheCure) {
  Report report = report_of({finding("a", Verdict::fail, true), finding("b", Verdict::pass, true)});
  report.subjects[0].cure = {
      "These 2 lines cure it", {"CONFIG_A=y", "CONFIG_B=y"}, "kcheck fragment > f.conf"};
  EXPECT_TRUE(to_text(report, {})
                  .ends_with("\n\nThese 2 lines cure it:\nCONFIG_A=y\nCONFIG_B=y\n"
                             "As a file, with what is there already:\nkcheck fragment > f.conf\n"));
  for (const auto& page : {to_markdown(report), to_html(report)}) {
    EXPECT_TRUE(page.contains("CONFIG_A=y\nCONFIG_B=y")) << page;
    EXPECT_TRUE(page.contains("kcheck fragment ")) << page;
  }
}

struct StatusCase {
  std::vector<Finding> findings;
  int normal;
  int strict;
};

TEST(ExitStatus, FollowsTheVerdicts) {
  const StatusCase cases[] = {
      {{}, 0, 0},
      {{finding("a", Verdict::pass, true)}, 0, 0},
      {{finding("a", Verdict::not_applicable, true)}, 0, 0},
      {{finding("a", Verdict::warn, false)}, 0, 1},
      {{finding("a", Verdict::fail, true)}, 1, 1},
      {{finding("a", Verdict::unknown, true)}, 3, 3},
      {{finding("a", Verdict::unknown, false)}, 0, 0},
      {{finding("a", Verdict::unknown, true), finding("b", Verdict::fail, true)}, 1, 1},
      {{finding("a", Verdict::fail, true), finding("b", Verdict::unknown, true)}, 1, 1},
      {{finding("a", Verdict::fail, true), finding("b", Verdict::warn, true)}, 1, 1},
      {{finding("a", Verdict::warn, false), finding("b", Verdict::unknown, true)}, 3, 1},
      {{finding("a", Verdict::unknown, true), finding("b", Verdict::warn, false)}, 3, 1},
  };
  for (const auto& test : cases) {
    const Report report = report_of(test.findings);
    EXPECT_EQ(exit_status(report, Strictness::normal), test.normal);
    EXPECT_EQ(exit_status(report, Strictness::strict), test.strict);
  }
}

TEST(ExitStatus, OneFailingSubjectOfSeveralDecides) {
  Report report = report_of({finding("a", Verdict::unknown, true)});
  report.subjects.push_back(report_of({finding("b", Verdict::fail, true)}).subjects.front());
  EXPECT_EQ(exit_status(report, Strictness::normal), 1);
}

Report example() {
  Report report = report_of(
      {finding("kernel.good", Verdict::pass, true), finding("kernel.bad", Verdict::fail, true),
       finding("kernel.meh", Verdict::warn, false), finding("kernel.na", Verdict::not_applicable, false)});
  report.subjects[0].facts = {{"kernel", "Linux 6.12"}};
  report.subjects[0].versions = {{"3.18", Verdict::pass, {}, false},
                                 {"4.1.1", Verdict::fail, {"kernel.bad"}, true}};
  return report;
}

TEST(Text, IsOneScreenWithTheVerdictFirst) {
  EXPECT_EQ(to_text(example(), {}),
            R"(HEADLINE
  kernel     Linux 6.12

FAIL    kernel.bad  title of kernel.bad
        seen    what was seen
        breaks  what breaks
        fix     what to do
        source  where it is written (proof: read)
WARN    kernel.meh  title of kernel.meh
        seen    what was seen
        fix     what to do

  CRIU 3.18   ready
> CRIU 4.1.1  not ready: kernel.bad

1 PASS · 1 WARN · 1 FAIL · 0 UNKNOWN · 1 N/A (-v shows every row)
)");
}

TEST(Text, VerboseShowsEveryRow) {
  const std::string text = to_text(example(), {.all_rows = true});
  EXPECT_TRUE(text.contains("PASS    kernel.good  title of kernel.good\n        seen    what was seen\n"));
  EXPECT_TRUE(text.contains("N/A     kernel.na"));
  EXPECT_FALSE(text.contains("-v shows"));
}

TEST(Text, ColorOnlyWhenAsked) {
  EXPECT_FALSE(to_text(example(), {}).contains('\x1b'));
  EXPECT_TRUE(to_text(example(), {.color = true}).contains("\x1b[1;31mFAIL"));
}

TEST(Json, DamagedBytesDoNotMakeItInvalid) {
  Report report = report_of({finding("a", Verdict::fail, true)});
  report.subjects[0].findings[0].seen = "\xff\xfe";
  EXPECT_TRUE(to_json(report, 1).contains("\"seen\": \"\xEF\xBF\xBD"));
}

}  // namespace
}  // namespace cg
