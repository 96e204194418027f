// The whole tool on a stand-in for CRIU: a tarball whose make target `criu` links a static program that knows
// its version. It takes the same steps as the real one in about a second.
#include "criu_builder_tool.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/sha256.h"
#include "build.h"
#include "elf/elf.h"
#include "host.h"
#include "json_schema.h"
#include "plan.h"
#include "temporary_directory.h"
#include "unit/source/make_archive.h"

namespace cg {
namespace {
namespace fs = std::filesystem;

// `how` ends the link line.
std::string makefile(const std::string& how) {
  return ".PHONY: criu\ncriu: criu/criu.c\n\t$(CC) -g $(USERCFLAGS) criu/criu.c -o criu/criu " + how + "\n";
}
const std::string program =
    "#include <stdio.h>\nint main(void) { puts(\"Version: 9.9.9\"); puts(__FILE__); return 0; }\n";

class CriuBuilder : public testing::Test {
 protected:
  void SetUp() override { give(makefile("$(GMONLDOPT)")); }

  // Puts a tarball in place and a recipe for it beside.
  void give(const std::string& make, const std::string& source = program, const std::string& more = "") {
    fs::create_directories(directory_.path());
    make_archive(tarball_, {{"criu-9.9.9/Makefile", make},
                            {"criu-9.9.9/Makefile.versions", ""},
                            {"criu-9.9.9/criu/criu.c", source}});
    sha256_ = sha256_file(tarball_).value();
    spill(recipes_ / "9.9.9.toml",
          "name = \"criu\"\nversion = \"9.9.9\"\nlibraries = [\"c\"]\n[[source]]\nkind = \"url\"\nurl = "
          "\"file://" +
              tarball_.string() + "\"\nsha256 = \"" + sha256_ + "\"\n" + more);
  }

  int run(Args args) {
    out_.str("");
    err_.str("");
    std::istringstream in;
    Environment env{out_, err_, in, [](std::string_view) { return std::nullopt; }};
    args.insert(args.end(), {"--recipes", recipes_.string(), "--cache", cache_.string()});
    return criu_builder_main(args, env);
  }
  int build(Args more = {}) {
    Args args{"build", "9.9", "-o", (directory_.path() / "out").string()};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }
  fs::path built() const { return directory_.path() / "out" / "criu-9.9.9"; }

  TemporaryDirectory directory_;
  fs::path tarball_ = directory_.path() / "criu-9.9.9.tar.gz";
  fs::path recipes_ = directory_.path() / "recipes";
  fs::path cache_ = directory_.path() / "cache";
  std::string sha256_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CriuBuilder, BuildsAStaticProgramAndItsDebugFile) {
  ASSERT_EQ(build({"--format", "json"}), exit_good) << err_.str();
  EXPECT_NE(err_.str().find("CRIU 9.9: version 9.9.9 chosen"), std::string::npos) << err_.str();
  EXPECT_EQ(violation_of(out_.str(), "criu-builder.schema.json"), "") << out_.str();
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["version"], "9.9.9");
  EXPECT_EQ(json["path"], built().string());
  EXPECT_EQ(json["sha256"], sha256_file(built()).value());
  EXPECT_EQ(json["source_sha256"], sha256_);

  const auto binary = read_elf(built());
  ASSERT_TRUE(binary);
  EXPECT_TRUE(binary->is_static);
  EXPECT_FALSE(binary->has_symbols);
  EXPECT_EQ(binary->build_id, json["build_id"]);
  EXPECT_EQ(static_cast<unsigned>(fs::status(built()).permissions()), 0755U);
  const auto debug = read_elf(built().string() + ".debug");
  ASSERT_TRUE(debug);
  EXPECT_TRUE(debug->has_debug);
  EXPECT_EQ(debug->build_id, binary->build_id);
  EXPECT_NE(slurp(built()).find("criu-9.9.9.debug"), std::string::npos);
}

TEST_F(CriuBuilder, SecondRunNeedsNeitherSourceNorCompilation) {
  ASSERT_EQ(build(), exit_good) << err_.str();
  const auto before = fs::last_write_time(built());
  fs::remove(tarball_);
  fs::remove_all(cache_ / "sources");
  ASSERT_EQ(build(), exit_good) << err_.str();
  EXPECT_NE(out_.str().find("from the cache"), std::string::npos) << out_.str();
  EXPECT_EQ(fs::last_write_time(built()), before);

  spill(built(), "trodden on");
  ASSERT_EQ(build(), exit_good);
  EXPECT_TRUE(read_elf(built()));
}

TEST_F(CriuBuilder, AnotherDirectoryGivesTheSameBytes) {
  ASSERT_EQ(build(), exit_good) << err_.str();
  const std::string first = slurp(built());
  cache_ = directory_.path() / "a-longer-name" / "cache";
  ASSERT_EQ(build(), exit_good) << err_.str();
  EXPECT_NE(out_.str().find("built in"), std::string::npos);
  EXPECT_TRUE(slurp(built()) == first);
}

TEST_F(CriuBuilder, CacheThatMakeCannotHandle) {
  cache_ = directory_.path() / "two words";
  EXPECT_EQ(build(), exit_usage);
  EXPECT_NE(err_.str().find("--cache"), std::string::npos) << err_.str();
}

TEST_F(CriuBuilder, RemainsOfAnInterruptedBuildDoNotCount) {
  ASSERT_EQ(build(), exit_good) << err_.str();
  for (const auto& entry : fs::directory_iterator(cache_ / "criu")) {
    if (!entry.is_directory()) continue;
    fs::remove(entry.path() / "result.toml");
    spill(entry.path() / "src" / "criu" / "criu", "half an object");
    spill(entry.path() / "criu-9.9.9", "half a program");
  }
  ASSERT_EQ(build(), exit_good) << err_.str();
  EXPECT_NE(out_.str().find("built in"), std::string::npos);
  EXPECT_TRUE(read_elf(built()));
}

TEST_F(CriuBuilder, DamagedResultInTheCacheIsBuiltAgain) {
  ASSERT_EQ(build(), exit_good) << err_.str();
  for (const auto& entry : fs::recursive_directory_iterator(cache_ / "criu"))
    if (entry.path().filename() == "criu-9.9.9") spill(entry.path(), "damaged");
  ASSERT_EQ(build(), exit_good) << err_.str();
  EXPECT_NE(out_.str().find("built in"), std::string::npos);
}

TEST_F(CriuBuilder, FailedCompilationShowsItsEndAndKeepsTheOldResult) {
  ASSERT_EQ(build(), exit_good) << err_.str();
  const std::string old = slurp(built());
  give(makefile("$(GMONLDOPT)"), "int main(void) { return not_declared; }\n");
  EXPECT_EQ(build(), exit_unable);
  EXPECT_NE(err_.str().find("not_declared"), std::string::npos) << err_.str();
  EXPECT_NE(err_.str().find("build.log"), std::string::npos);
  EXPECT_TRUE(slurp(built()) == old);
}

TEST_F(CriuBuilder, DynamicResultIsRefused) {
  give(makefile(""));
  EXPECT_EQ(build(), exit_no);
  EXPECT_NE(err_.str().find("is not static"), std::string::npos) << err_.str();
  EXPECT_FALSE(fs::exists(built()));
}

TEST_F(CriuBuilder, ResultOfAnotherVersionIsRefused) {
  give(makefile("$(GMONLDOPT)"),
       "#include <stdio.h>\nint main(void) { puts(\"Version: 9.9\"); return 0; }\n");
  EXPECT_EQ(build(), exit_no);
  EXPECT_NE(err_.str().find("\"Version: 9.9.9\" was expected"), std::string::npos) << err_.str();
}

TEST_F(CriuBuilder, ReplacementReachesTheCompilerAndTheDigest) {
  ASSERT_EQ(build(), exit_good) << err_.str();
  const std::string before = slurp(built());
  give(makefile("$(GMONLDOPT)"), program,
       "[[replace]]\nfile = \"criu/criu.c\"\nold = \"__FILE__\"\nnew = '\"replaced\"'\n");
  ASSERT_EQ(build(), exit_good) << err_.str();
  EXPECT_NE(slurp(built()).find("replaced"), std::string::npos);
  EXPECT_FALSE(slurp(built()) == before);
}

TEST_F(CriuBuilder, ReplacementThatDoesNotFitStopsBeforeCompiling) {
  give(makefile("$(GMONLDOPT)"), program,
       "[[replace]]\nfile = \"criu/criu.c\"\nold = \"absent\"\nnew = \"x\"\n");
  EXPECT_EQ(build(), exit_no);
  EXPECT_NE(err_.str().find("matches nowhere"), std::string::npos) << err_.str();
  EXPECT_EQ(err_.str().find("compiling"), std::string::npos);
}

TEST_F(CriuBuilder, TarballThatIsNone) {
  spill(tarball_, "<html>");
  spill(recipes_ / "9.9.9.toml",
        "name = \"criu\"\nversion = \"9.9.9\"\nlibraries = [\"c\"]\n[[source]]\nkind = \"url\"\nurl = "
        "\"file://" +
            tarball_.string() + "\"\nsha256 = \"" + sha256_hex("<html>") + "\"\n");
  EXPECT_EQ(build(), exit_no);
  EXPECT_NE(err_.str().find("not a tar archive"), std::string::npos) << err_.str();
}

TEST_F(CriuBuilder, TarballOfSomethingElse) {
  make_archive(tarball_, {{"thing/README", "x"}});
  spill(recipes_ / "9.9.9.toml",
        "name = \"criu\"\nversion = \"9.9.9\"\nlibraries = [\"c\"]\n[[source]]\nkind = \"url\"\nurl = "
        "\"file://" +
            tarball_.string() + "\"\nsha256 = \"" + sha256_file(tarball_).value() + "\"\n");
  EXPECT_EQ(build(), exit_no);
  EXPECT_NE(err_.str().find("not a CRIU source tree"), std::string::npos) << err_.str();
}

TEST_F(CriuBuilder, LocalSource) {
  const fs::path mine = directory_.path() / "mine.tgz";
  fs::copy_file(tarball_, mine);
  fs::remove(tarball_);
  ASSERT_EQ(build({"--source", mine.string(), "--offline"}), exit_good) << err_.str();
  spill(mine, "other");
  EXPECT_EQ(build({"--source", mine.string()}), exit_no);
  EXPECT_NE(err_.str().find(sha256_), std::string::npos);
  EXPECT_NE(err_.str().find(sha256_hex("other")), std::string::npos);
}

TEST_F(CriuBuilder, DryRunDoesNothing) {
  ASSERT_EQ(build({"--dry-run"}), exit_good) << err_.str();
  EXPECT_NE(out_.str().find("GMONLDOPT=-static"), std::string::npos);
  EXPECT_FALSE(fs::exists(cache_));
  EXPECT_FALSE(fs::exists(directory_.path() / "out"));
  ASSERT_EQ(build({"--dry-run", "--format", "json"}), exit_good) << err_.str();
  EXPECT_EQ(violation_of(out_.str(), "criu-builder.schema.json"), "") << out_.str();
}

TEST_F(CriuBuilder, FormatJsonHoldsAlsoForOneVersionAndForErrors) {
  ASSERT_EQ(run({"resolve", "9.9", "--format", "json"}), exit_good) << err_.str();
  EXPECT_EQ(violation_of(out_.str(), "criu-builder.schema.json"), "") << out_.str();
  EXPECT_EQ(nlohmann::json::parse(out_.str())["version"], "9.9.9");
  EXPECT_EQ(run({"resolve", "1.0", "--format", "json"}), exit_usage);
  EXPECT_EQ(violation_of(err_.str(), "error.schema.json"), "") << err_.str();
  EXPECT_EQ(nlohmann::json::parse(err_.str())["exit_status"], exit_usage);
}

TEST_F(CriuBuilder, UnwritableDestinationIsSaidBeforeTheBuild) {
  spill(directory_.path() / "file", "");
  EXPECT_EQ(run({"build", "9.9.9", "-o", (directory_.path() / "file" / "out").string()}), exit_unable);
  EXPECT_EQ(err_.str().find("compiling"), std::string::npos) << err_.str();
}

TEST_F(CriuBuilder, ListTextAndJson) {
  ASSERT_EQ(run({"list"}), exit_good);
  EXPECT_NE(out_.str().find("9.9.9             upstream          no      no"), std::string::npos)
      << out_.str();
  ASSERT_EQ(build(), exit_good);
  ASSERT_EQ(run({"list", "--format", "json"}), exit_good);
  EXPECT_EQ(violation_of(out_.str(), "criu-builder.schema.json"), "") << out_.str();
  const auto row = nlohmann::json::parse(out_.str())["versions"][0];
  EXPECT_EQ(row["version"], "9.9.9");
  EXPECT_EQ(row["cached"], true);
  EXPECT_NE(row["built"], "");
  EXPECT_EQ(row["sources"][0]["sha256"], sha256_);
}

TEST_F(CriuBuilder, FetchPrintsWhere) {
  ASSERT_EQ(run({"fetch", "9.9.9"}), exit_good) << err_.str();
  const std::string path = out_.str().substr(0, out_.str().size() - 1);
  EXPECT_EQ(sha256_file(path).value_or("?"), sha256_);
}

TEST_F(CriuBuilder, ExitStatuses) {
  EXPECT_EQ(run({"build", "1.2.3"}), exit_usage);
  EXPECT_NE(err_.str().find("known versions: 9.9.9"), std::string::npos);
  EXPECT_EQ(run({"biuld", "9.9.9"}), exit_usage);
  EXPECT_NE(err_.str().find("did you mean build"), std::string::npos) << err_.str();
  EXPECT_EQ(run({"build", "9.9.9", "--jobs", "0"}), exit_usage);
  EXPECT_EQ(run({}), exit_usage);
  spill(recipes_ / "9.9.9.toml", "name = \n");
  EXPECT_EQ(run({"build", "9.9.9"}), exit_no);
  EXPECT_NE(err_.str().find("9.9.9.toml:1:"), std::string::npos) << err_.str();
  recipes_ = directory_.path() / "absent";
  EXPECT_EQ(run({"list"}), exit_unable);
  EXPECT_NE(err_.str().find("absent"), std::string::npos);
}

TEST(InspectHost, NamesLibraryAndPackage) {
  const auto host = inspect_host({"c", "no-such-library"});
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().kind, ErrorKind::cannot);
  EXPECT_NE(host.error().message.find("static library libno-such-library.a"), std::string::npos)
      << host.error().message;
}

TEST(MakePlan, DigestDependsOnWhatTheResultDependsOn) {
  const Host host{.compiler = "gcc 12", .machine = "x86_64-linux-gnu"};
  CriuRecipe recipe{.source = {"criu", "9.9.9", {}}};
  const auto digest = [&](const Host& machine, const std::string& sha256, const fs::path& cache,
                          unsigned jobs) {
    return make_plan(recipe, machine, sha256, cache, jobs).value().digest;
  };
  const std::string base = digest(host, "aa", "/c", 1);
  EXPECT_EQ(digest(host, "aa", "/elsewhere", 8), base);
  EXPECT_NE(digest(host, "bb", "/c", 1), base);
  Host newer = host;
  newer.compiler = "gcc 13";
  EXPECT_NE(digest(newer, "aa", "/c", 1), base);
  recipe.replacements.push_back({"f", "a", "b"});
  EXPECT_NE(digest(host, "aa", "/c", 1), base);
}

}  // namespace
}  // namespace cg
