// The HTML report in a browser. Its start alone takes seconds, on a busy machine a minute: not among the unit
// tests.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "example_report.h"
#include "look.h"
#include "report/formats.h"
#include "temporary_directory.h"

namespace cg {
namespace {

// A real browser lays it out; what it then holds as its document is looked at.
TEST(Html, IsAGridInARealBrowser) {
  const auto browser = find_program("chromium");
  if (!browser) GTEST_SKIP() << "chromium is not installed";
  TemporaryDirectory directory;
  const auto page = directory.path() / "report.html";
  const std::string html = to_html(example_report());
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
  options.timeout = std::chrono::minutes(5);
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

std::string attribute(std::string text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

// A telephone's width: nothing is wider than it but the grid in its own frame, no verdict is covered, and a
// command is whole.
TEST(Html, ReadsOn390Pixels) {
  const auto browser = find_program("chromium");
  if (!browser) GTEST_SKIP() << "chromium is not installed";
  Report report = example_report();
  Subject& subject = report.subjects.front();
  subject.commands = {{"dump", {"criu", "dump", "--external", "mnt[/" + std::string(300, 'a') + "]:x"}}};
  subject.cure = {
      "These 2 lines cure it", {"CONFIG_X=y", "CONFIG_" + std::string(90, 'Y') + "=y"}, "kcheck fragment"};
  const TemporaryDirectory directory;
  const auto page = directory.path() / "phone.html";
  const std::string probe =
      "<script>onload=()=>setTimeout(()=>{const d=document.getElementById('f').contentDocument;"
      "const v=d.querySelector('tbody td.v');v.scrollIntoView();const b=v.getBoundingClientRect();"
      "const top=d.elementFromPoint(b.left+b.width/2,b.top+b.height/2);"
      "const "
      "cut=[...d.querySelectorAll('pre.command,summary,h1,h2,dd')].filter(e=>e.scrollWidth>e.clientWidth+1);"
      "document.body.dataset.result=['wide',d.documentElement.scrollWidth<=390,'seen',top===v,'cut',cut."
      "length]"
      ".join('~');},300)</script>";
  ASSERT_TRUE(write_file_atomically(page,
                                    "<!DOCTYPE html><body style=\"margin:0\"><iframe id=\"f\" width=\"390\" "
                                    "height=\"800\" style=\"border:0\" srcdoc=\"" +
                                        attribute(to_html(report)) + "\"></iframe>" + probe + "</body>"));
  const auto shown =
      run({browser->string(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--user-data-dir=" + (directory.path() / "profile").string(), "--window-size=800,900",
           "--virtual-time-budget=3000", "--dump-dom", "file://" + page.string()},
          {.timeout = std::chrono::minutes(5)});
  ASSERT_TRUE(shown);
  ASSERT_EQ(shown->status, 0) << last_lines(shown->err, 5);
  EXPECT_TRUE(shown->out.contains("data-result=\"wide~true~seen~true~cut~0\""))
      << shown->out.substr(std::min(shown->out.find("data-result"), shown->out.size()), 120);
}

TEST(Html, ReadsOnATelephoneAndADeskLightAndDark) {
  if (!find_program("chromium")) GTEST_SKIP() << "chromium is not installed";
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "report.html", to_html(example_report())));
  EXPECT_GT(look_at(directory.path(), {"report.html"}), 50);
}

TEST(Html, HasAStyleForPaper) {
  const std::string html = to_html(example_report());
  EXPECT_TRUE(html.contains("@media print"));
}

}  // namespace
}  // namespace cg
