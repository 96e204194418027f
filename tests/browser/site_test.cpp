// The site of `make site`: every link leads somewhere, it says what the tools say, and it is laid out in a
// real browser on a telephone and on a desk, light and dark.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/process.h"
#include "look.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const fs::path house = CG_SOURCE_DIR;
const std::string programs = std::string(CG_BINARY_DIR) + "/bin";

// "" or what is missing to make the site here.
std::string lacking() {
  for (const char* name : {"cmark-gfm", "jq"})
    if (!find_program(name)) return std::string(name) + " is not installed";
  return "";
}

ProcessResult build_site(const fs::path& root, const fs::path& out,
                         std::map<std::string, std::string> variables = {}) {
  variables["BIN"] = programs;
  variables["OUT"] = out.string();
  const auto result = run({(root / "scripts/site/build.sh").string()},
                          {.set_variables = {variables.begin(), variables.end()}});
  return result ? *result : ProcessResult{.status = 255, .err = result.error().message};
}

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%' || at + 2 >= text.size()) {
      out += text[at];
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
    at += 2;
  }
  return out;
}

// Made once for the tests of this process.
class Site : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!lacking().empty()) return;
    directory_ = std::make_unique<TemporaryDirectory>();
    built_ = build_site(house, directory_->path());
  }
  static void TearDownTestSuite() { directory_.reset(); }
  void SetUp() override {
    if (const auto reason = lacking(); !reason.empty()) GTEST_SKIP() << reason;
    ASSERT_EQ(built_.status, 0) << built_.err;
  }
  static fs::path site() { return directory_->path() / "site"; }
  // All files by their path from the site's root.
  static std::map<std::string, std::string> files() {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(site()))
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), site()).string()] = read_file(entry.path()).value_or("");
    return files;
  }

  static std::unique_ptr<TemporaryDirectory> directory_;
  static ProcessResult built_;
};
std::unique_ptr<TemporaryDirectory> Site::directory_;
ProcessResult Site::built_;

class Links {
 public:
  explicit Links(const std::map<std::string, std::string>& files) : files_(files) {
    for (const auto& [name, text] : files) {
      if (!name.ends_with(".html")) continue;
      const auto ids = attributes(text, "id");
      anchors_[name] = {ids.begin(), ids.end()};
      EXPECT_EQ(anchors_[name].size(), ids.size()) << name << " has an id twice";
    }
  }
  // "" when it leads somewhere.
  std::string fault(const std::string& from, const std::string& link) const {
    if (link.contains("://") || link.starts_with("//") || link.starts_with('/') || link.starts_with("data:"))
      return "leaves the site";
    const auto hash = link.find('#');
    const std::string path = decoded(link.substr(0, hash));
    const std::string file =
        path.empty() ? from : (fs::path(from).parent_path() / path).lexically_normal().string();
    if (!files_.contains(file)) return "no file " + file;
    if (hash == link.npos) return "";
    const auto page = anchors_.find(file);
    if (page == anchors_.end() || !page->second.contains(decoded(link.substr(hash + 1))))
      return "no such place in " + file;
    return "";
  }

 private:
  const std::map<std::string, std::string>& files_;
  std::map<std::string, std::set<std::string>> anchors_;
};

TEST_F(Site, EveryLinkLeadsSomewhere) {
  const auto all = files();
  const Links links(all);
  std::size_t seen = 0;
  for (const auto& [name, text] : all) {
    if (!name.ends_with(".html")) continue;
    for (const char* attribute : {"href", "src"})
      for (const auto& link : attributes(text, attribute)) {
        ++seen;
        EXPECT_EQ(links.fault(name, link), "") << name << ": " << link;
      }
  }
  EXPECT_GT(seen, 3000U);
  std::string index = all.at("search-index.js");
  ASSERT_TRUE(index.starts_with("criuGuestIndex = "));
  const auto entries = nlohmann::json::parse(index.substr(index.find('[')), nullptr, false);
  ASSERT_TRUE(entries.is_array());
  EXPECT_GT(entries.size(), 1000U);
  for (const auto& entry : entries) {
    const auto link = entry.at(0).get<std::string>();
    EXPECT_EQ(links.fault("index.html", link), "") << link;
  }
  // A menu on every page leads to every page; each page of docs/ is there.
  const std::string& front = all.at("index.html");
  const auto in_menu = attributes(front.substr(front.find("<nav")), "href");
  for (const auto& [name, text] : all)
    if (name.ends_with(".html")) {
      EXPECT_NE(std::ranges::find(in_menu, name), in_menu.end()) << name;
      EXPECT_TRUE(text.contains("aria-current=\"page\"")) << name;
    }
  for (const auto& entry : fs::directory_iterator(house / "docs"))
    if (entry.path().extension() == ".md") {
      EXPECT_TRUE(all.contains("docs/" + entry.path().stem().string() + ".html")) << entry.path();
    }
  EXPECT_NE(links.fault("index.html", "docs/none.html"), "");
  EXPECT_NE(links.fault("index.html", "docs/lab.html#none-of-them"), "");
}

TEST_F(Site, SaysWhatTheToolsSay) {
  const auto shown = run_checked({programs + "/kcheck", "show", "--format", "json"});
  ASSERT_TRUE(shown) << shown.error().message;
  std::set<std::string> codes, ids;
  for (const auto& [name, text] : files()) {
    if (!name.starts_with("known/") || !name.ends_with(".html")) continue;
    const auto own = attributes(text, "id");
    ids.insert(own.begin(), own.end());
    for (std::size_t at = 0; (at = text.find("<code>", at)) != text.npos;) {
      at += 6;
      codes.insert(unescaped(text.substr(at, text.find("</code>", at) - at)));
    }
  }
  std::size_t seen = 0;
  const auto document = nlohmann::json::parse(*shown);
  for (const auto& row : document["rows"]) {
    ++seen;
    const auto id = row["id"].get<std::string>();
    EXPECT_TRUE(ids.contains(id)) << id;
    const auto place = row["file"].get<std::string>() + ":" + std::to_string(row["line"].get<int>());
    EXPECT_TRUE(codes.contains(place)) << place;
    for (const auto& text : row.value("texts", nlohmann::json::array()))
      EXPECT_TRUE(codes.contains(text.get<std::string>())) << text;
  }
  EXPECT_GT(seen, 1000U);
}

TEST_F(Site, IsTheSameBytesTwice) {
  const auto first = files();
  const TemporaryDirectory again;
  ASSERT_EQ(build_site(house, again.path()).status, 0);
  std::size_t seen = 0;
  for (const auto& [name, text] : first) {
    ++seen;
    EXPECT_EQ(read_file(again.path() / "site" / name).value_or(""), text) << name;
  }
  EXPECT_GT(seen, 30U);
}

// A copy of what the site is made of, to be spoilt.
class SpoiltSite : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = lacking(); !reason.empty()) GTEST_SKIP() << reason;
    for (const char* name : {"scripts/site", "docs", "recipes/rootfs", "demo", "proof"}) {
      fs::create_directories(copy_.path() / name);
      fs::copy(house / name, copy_.path() / name, fs::copy_options::recursive);
    }
    for (const char* name : {"README.md", "CONTRIBUTING.md"}) fs::copy(house / name, copy_.path() / name);
  }
  void append(const std::string& name, const std::string& text) {
    const auto path = copy_.path() / name;
    ASSERT_TRUE(write_file_atomically(path, read_file(path).value_or("") + text));
  }
  ProcessResult build(std::map<std::string, std::string> variables = {}) {
    return build_site(copy_.path(), copy_.path() / "out", std::move(variables));
  }
  const TemporaryDirectory copy_;
};

TEST_F(SpoiltSite, ALinkThatLeadsNowhereIsNamedAndTheOldSiteStays) {
  ASSERT_EQ(build().status, 0);
  append("docs/kata.md", "\n[the moon](moon.md)\n");
  const auto result = build();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "site: docs/kata.md links to moon.md, which is no page and no file of the sources\n");
  EXPECT_TRUE(fs::exists(copy_.path() / "out/site/index.html"));
  EXPECT_FALSE(read_file(copy_.path() / "out/site/docs/kata.html").value_or("").contains("the moon"));
  EXPECT_EQ(std::distance(fs::directory_iterator(copy_.path() / "out"), fs::directory_iterator()), 1)
      << "nothing is left behind";
}

TEST_F(SpoiltSite, APageThatNobodyListedIsThereAndItsTextIsText) {
  append("docs/new.md",
         "# New <b>\n\n`<script>`, `kernel.membarrier`\n\n## Twice\n\n## Twice\n\n|a|\n|-|\n|`x.y`|\n");
  ASSERT_EQ(build().status, 0);
  const auto page = read_file(copy_.path() / "out/site/docs/new.html").value_or("");
  EXPECT_TRUE(page.contains("<code>&lt;script&gt;</code>")) << page;
  EXPECT_TRUE(page.contains("<a href=\"../known/requirements.html#kernel.membarrier\">")) << page;
  EXPECT_TRUE(page.contains("<h2 id=\"twice\">") && page.contains("<h2 id=\"twice-1\">")) << page;
  EXPECT_TRUE(page.contains("<div class=\"frame\" tabindex=\"0\">\n<table>")) << page;
  EXPECT_TRUE(page.contains("<code id=\"x.y\">")) << page;
}

TEST_F(SpoiltSite, WhatIsMissingIsNamed) {
  fs::remove(copy_.path() / "docs/lab.md");
  const auto listed = build();
  EXPECT_EQ(listed.status, 1);
  EXPECT_TRUE(listed.err.contains("pages.txt names docs/lab.md, which is not there")) << listed.err;
  const TemporaryDirectory path;
  for (const char* name : {"bash", "env", "dirname", "jq"})
    fs::create_symlink(*find_program(name), path.path() / name);
  const auto without = build({{"PATH", path.path().string()}});
  EXPECT_EQ(without.status, 3);
  EXPECT_TRUE(without.err.contains("no cmark-gfm here; 'scripts/deps.sh site' installs it")) << without.err;
}

TEST_F(Site, ReadsOnATelephoneAndADeskLightAndDark) {
  if (!find_program("chromium")) GTEST_SKIP() << "chromium is not installed";
  EXPECT_GT(look_at(site(), {"index.html", "docs/kata.html", "docs/lab.html", "known/requirements.html",
                             "known/tree.html", "docs/demo.svg"}),
            20000);
}

// Of a log: what is drawn, and that text stays text; of a failed run nothing.
TEST(DemoPicture, IsDrawnOfARunThatEndedWell) {
  if (!lacking().empty()) GTEST_SKIP() << lacking();
  const TemporaryDirectory directory;
  const auto log = directory.path() / "log", picture = directory.path() / "demo.svg";
  const auto draw = [&](const std::string& text) {
    EXPECT_TRUE(write_file_atomically(log, text));
    const auto result = run({(house / "scripts/site/picture.sh").string(), log.string(), picture.string()});
    return result ? *result : ProcessResult{.status = 255, .err = result.error().message};
  };
  const std::string run_of_it =
      "== guest kernel\nnot drawn\n\n== kcheck in the guest\nREADY for <b> & \"CRIU\"\nmore\n\n"
      "== checkpoint and restore\ndumped \x1b[1m\n/usr/bin/guest-checkpoint dump\n  /usr/sbin/criu dump "
      "--tree 1\n" +
      std::string(200, 'w') + "\n12 of 12 held\n\nstep   seconds  result\n";
  const auto failed = draw(run_of_it + "total   7.1  FAILED\n");
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(failed.err.contains("is of no demo that ended well")) << failed.err;
  EXPECT_FALSE(fs::exists(picture));
  const auto good = draw(run_of_it + "total   7.1  OK\n");
  ASSERT_EQ(good.status, 0) << good.err;
  const auto svg = read_file(picture).value_or("");
  for (const char* text : {">$ make demo<", ">READY for &lt;b&gt; &amp; &quot;CRIU&quot;<", ">dumped [1m<",
                           "www\u2026<", ">12 of 12 held<", ">step   seconds  result<", ">total   7.1  OK<"})
    EXPECT_TRUE(svg.contains(text)) << text << "\n" << svg;
  for (const char* text : {"not drawn", "more", "/usr/", "\x1b"}) EXPECT_FALSE(svg.contains(text)) << text;
  EXPECT_EQ(draw("total 1 OK\n").status, 5) << "jq's own: a step is missing";
}

TEST(DemoPicture, OfTheReadmeIsSmallAndOfARestoredContainer) {
  const auto svg = read_file(house / "docs/demo.svg").value_or("");
  EXPECT_LT(svg.size(), 20000U);
  EXPECT_TRUE(svg.contains("container restored") && svg.contains(" OK</text>")) << svg;
  EXPECT_TRUE(svg.contains("prefers-color-scheme: dark"));
  EXPECT_FALSE(svg.contains("href") || svg.contains("url(")) << "it fetches nothing";
  EXPECT_TRUE(read_file(house / "README.md").value_or("").contains("](docs/demo.svg)"));
}

// The search works on files, from the root and from below: a word, an id, and a line as CRIU's log has it.
TEST_F(Site, TheSearchFindsWithoutAServer) {
  if (!find_program("chromium")) GTEST_SKIP() << "chromium is not installed";
  for (const char* name : {"index.html", "docs/kata.html"}) {
    std::string html = read_file(site() / name).value_or("");
    const std::string probe = R"(<script>
onload = async () => {
  const field = document.getElementById('search'), found = document.getElementById('found'), answers = [];
  const settled = () => new Promise(done => setTimeout(done, 300));
  for (const words of ['kernel.membarrier', "(00.1) Error (criu/cr-dump.c:1): Can't open 12/task/34/children on procfs",
      'cgroup.freeze vendor', 'zzz qqq', '']) {
    field.value = words;
    field.dispatchEvent(new Event('input'));
    await settled();
    answers.push(found.hidden ? 'hidden' : found.querySelector('a') ? found.querySelector('a').getAttribute('href') : found.textContent);
  }
  document.body.dataset.result = JSON.stringify({shown: !field.hidden, answers});
};</script></body>)";
    html.replace(html.find("</body>"), 7, probe);
    const auto file = site() / fs::path(name).parent_path() / "probe.html";
    ASSERT_TRUE(write_file_atomically(file, html));
    const auto result = result_of(file, {});
    fs::remove(file);
    const std::string up = std::string_view(name).contains('/') ? "../" : "";
    EXPECT_EQ(result.dump(),
              (nlohmann::json{{"shown", true},
                              {"answers",
                               {up + "known/requirements.html#kernel.membarrier",
                                up + "known/errors-dump.html#tree.children", "nothing has all these words",
                                "nothing has all these words", "hidden"}}})
                  .dump());
  }
}

}  // namespace
}  // namespace cg
