// SARIF, JUnit, Markdown, HTML and waivers.
#include "report/formats.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "report/markup.h"
#include "report/waiver.h"
#include "temporary_directory.h"

namespace cg {
namespace {

Finding finding(std::string id, Verdict verdict) {
  Finding result;
  result.id = std::move(id);
  result.title = "a <title> & \"more\"";
  result.verdict = verdict;
  result.required = true;
  result.severity = "startup";
  result.seen = "CONFIG_X is | not set";
  result.fix = "CONFIG_X=y";
  result.file = "guest.conf";
  result.line = 7;
  return result;
}

Report report() {
  Subject subject;
  subject.name = "guest.conf";
  subject.headline = "NOT READY for CRIU 4.1.1: 1 requirement fails";
  subject.findings = {finding("kernel.x", Verdict::fail), finding("kernel.y", Verdict::pass),
                      finding("kernel.z", Verdict::not_applicable), finding("kernel.w", Verdict::warn)};
  subject.verdict = Verdict::fail;
  for (const char* version : {"3.18", "4.1.1"}) {
    const bool judged = std::string(version) == "4.1.1";
    const Verdict verdict = judged ? Verdict::fail : Verdict::pass;
    subject.versions.push_back({version,
                                verdict,
                                judged ? std::vector<std::string>{"kernel.x"} : std::vector<std::string>{},
                                judged,
                                {{"kernel.x", verdict},
                                 {"kernel.y", Verdict::pass},
                                 {"kernel.z", Verdict::not_applicable},
                                 {"kernel.w", Verdict::warn}}});
  }
  return {"config", "4.1.1", {subject}};
}

TEST(Sarif, PointsAtTheLine) {
  const auto document = nlohmann::json::parse(to_sarif(report()));
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

TEST(Junit, CountsAndIsWellFormed) {
  const std::string text = to_junit(report());
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
  const std::string text = to_markdown(report());
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

// A real browser lays it out; what it then holds as its document is looked at.
TEST(Html, IsAGridInARealBrowser) {
  const auto browser = find_program("chromium");
  if (!browser) GTEST_SKIP() << "chromium is not installed";
  TemporaryDirectory directory;
  const auto page = directory.path() / "report.html";
  const std::string html = to_html(report());
  EXPECT_FALSE(html.contains("http")) << "one file: nothing is fetched";
  // The page's own words become attributes of its body once it is laid out: cells, rows, and what is visible
  // where.
  const std::string probe =
      "<script>onload=()=>{const g=document.querySelector('#grid');const r=g.tBodies[0].rows;const "
      "c=r[1].cells;"
      "document.body.dataset.result=[r.length,c.length,c[0].textContent,c[1].textContent,c[2].textContent,"
      "c[2].className,getComputedStyle(c[2]).backgroundColor!==getComputedStyle(c[1]).backgroundColor,"
      "g.getBoundingClientRect().width>200,document.querySelectorAll('details[open]').length].join('~');}</"
      "script></body>";
  std::string probed = html;
  probed.replace(probed.find("</body>"), 7, probe);
  ASSERT_TRUE(write_file_atomically(page, probed));
  ProcessOptions options;
  options.timeout = std::chrono::seconds(60);
  const auto shown =
      run({browser->string(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--user-data-dir=" + (directory.path() / "profile").string(), "--virtual-time-budget=1000",
           "--dump-dom", "file://" + page.string()},
          options);
  ASSERT_TRUE(shown);
  ASSERT_EQ(shown->status, 0) << last_lines(shown->err, 5);
  EXPECT_TRUE(
      shown->out.contains(
          "data-result=\"5~3~a &lt;title&gt; &amp; &quot;more&quot;~\u2713~\u2717~v FAIL~true~true~1\"") ||
      shown->out.contains(
          "data-result=\"5~3~a <title> &amp; &quot;more&quot;~\u2713~\u2717~v FAIL~true~true~1\""))
      << shown->out.substr(shown->out.find("data-result"), 200);
}

TEST(Waivers, CountUntilTheirDay) {
  const auto waivers = parse_waivers(
      "[[waiver]]\nid = \"kernel.x\"\nreason = \"no such task\"\nexpires = 2026-12-31\n", "w.toml");
  ASSERT_TRUE(waivers) << waivers.error().message;
  Report waived = report();
  EXPECT_TRUE(apply_waivers(waived, *waivers, "2026-12-31").empty());
  EXPECT_EQ(waived.subjects[0].verdict, Verdict::warn);
  EXPECT_EQ(waived.subjects[0].findings[0].waiver, "no such task (until 2026-12-31)");
  EXPECT_EQ(exit_status(waived, Strictness::normal), 0);
  EXPECT_TRUE(nlohmann::json::parse(to_sarif(waived))["runs"][0]["results"][0].contains("suppressions"));

  Report late = report();
  const auto notes = apply_waivers(late, *waivers, "2027-01-01");
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].starts_with("w.toml:1: the waiver for kernel.x expired on 2026-12-31")) << notes[0];
  EXPECT_EQ(exit_status(late, Strictness::normal), 1);
}

// What is waived leaves another version's column as open as it was without.
TEST(Waivers, LeaveOpenWhatIsOpenForAnotherVersion) {
  const auto waivers =
      parse_waivers("[[waiver]]\nid = \"kernel.x\"\nreason = \"r\"\nexpires = 2026-12-31\n", "w").value();
  Report some = report();
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
  Report some = report();
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
