// `make release` and `make release-verify` as far as they go without a kernel and an image: source and tools.
// The guest tests make a whole release.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "flipped_bit.h"
#include "json_schema.h"
#include "scratch_checkout.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// What the programs are that a release needs and this machine may lack; signatures of minisign are tried
// where it is.
std::string lacking() {
  for (const char* program : {"git", "jq", "zstd", "nm", "openssl"})
    if (!find_program(program)) return program;
  return "";
}

// A checkout and a build of stand-ins, released once as 1.0.0, signed by openssl. (Each case is a process of
// its own.)
struct Made {
  Made() {
    fs::create_directory(keys);
    fault = checkout.fault();
    build = checkout.small_build();
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"genpkey", "-algorithm", "ed25519", "-out", secret.string()},
             {"pkey", "-in", secret.string(), "-pubout", "-out", open.string()}}) {
      std::vector<std::string> call = {"openssl"};
      call.insert(call.end(), words.begin(), words.end());
      if (const auto result = run_checked(call); !result) fault += result.error().message;
    }
    const auto result = release({{"VERSION", "1.0.0"}, {"KEY", secret.string()}});
    if (result.status != 0) fault += result.out + result.err;
  }
  ProcessResult release(std::map<std::string, std::string> variables) const {
    variables.insert({{"PARTS", "tools"}, {"BUILD", build}});
    return checkout.script("release.sh", std::move(variables));
  }

  ScratchCheckout checkout;
  const fs::path keys = checkout.path() / "out";  // which git does not see
  const fs::path secret = keys / "key.pem", open = keys / "key.pub";
  std::string build, fault;
};

const Made& made() {
  static const Made once;
  return once;
}

class Release : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto program = lacking(); !program.empty())
      GTEST_SKIP() << "no " << program << " here: scripts/deps.sh release";
    ASSERT_EQ(made().fault, "");
  }
  static fs::path place() { return made().checkout.release("1.0.0"); }
  // A copy of a release to do harm to.
  fs::path copy(const fs::path& from = place()) {
    const fs::path to = directory_.path() / ("copy-" + std::to_string(++copies_));
    fs::copy(from, to);
    return to;
  }
  static ProcessResult verify(const fs::path& release, const fs::path& open = {}) {
    std::map<std::string, std::string> variables;
    if (!open.empty()) variables["PUBKEY"] = open.string();
    return made().checkout.script("release-verify.sh", variables, {release.string()});
  }
  static Json json(const fs::path& file) { return Json::parse(read_file(file).value_or(""), nullptr, false); }

  const TemporaryDirectory directory_;
  int copies_ = 0;
};

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST_F(Release, HoldsSourceToolsAndWhatIsSaidOfThem) {
  const auto machine = std::string(trim(run_checked({"uname", "-m"}).value_or("")));
  EXPECT_EQ(names_in(place()),
            (std::set<std::string>{
                "SHA256SUMS", "SHA256SUMS.sig", "criu-guest-1.0.0-linux-" + machine + ".tar.gz",
                "criu-guest-1.0.0.tar.gz", "guest-checkpoint-linux-" + machine, "kcheck-linux-" + machine,
                "manifest.json", "provenance.json", "release.pem", "sbom.cdx.json", "sbom.spdx.json"}));
  EXPECT_TRUE(run_checked({(place() / ("kcheck-linux-" + machine)).string(), "--version"}));
  const auto source = run_checked({"tar", "-tf", (place() / "criu-guest-1.0.0.tar.gz").string()});
  EXPECT_TRUE(source && source->contains("criu-guest-1.0.0/scripts/release.sh\n"));

  const Json manifest = json(place() / "manifest.json");
  EXPECT_EQ(violation_of(manifest.dump(), "release.schema.json"), "");
  EXPECT_EQ(manifest["version"], "1.0.0");
  EXPECT_EQ(manifest["project"], CG_VERSION);
  EXPECT_EQ(manifest["missing"].size(), 5U) << manifest["missing"];
  EXPECT_EQ(manifest["missing"][0]["part"], "kernel");
  // Every member of the tools' archive, as tar lists them.
  const std::string tools = "criu-guest-1.0.0-linux-" + machine + ".tar.gz";
  const auto listed = run_checked({"tar", "-tf", (place() / tools).string()});
  ASSERT_TRUE(listed);
  ASSERT_EQ(manifest["archives"].size(), 1U);
  EXPECT_EQ(manifest["archives"][0]["members"].size(), split_lines(*listed).size());

  // With the distribution's own tools.
  EXPECT_TRUE(run_checked({"sh", "-c", "cd \"$0\" && sha256sum -c --quiet SHA256SUMS", place().string()}));
  EXPECT_TRUE(
      run_checked({"openssl", "pkeyutl", "-verify", "-pubin", "-inkey", made().open.string(), "-rawin", "-in",
                   (place() / "SHA256SUMS").string(), "-sigfile", (place() / "SHA256SUMS.sig").string()}));
}

TEST_F(Release, BillsOfMaterialsAndProvenanceAreAsTheirStandardsHaveThem) {
  for (const auto& [file, schema] : std::map<std::string, std::string>{
           {"sbom.cdx.json", "cyclonedx"}, {"sbom.spdx.json", "spdx"}, {"provenance.json", "provenance"}}) {
    const Json rules =
        json(fs::path(CG_SOURCE_DIR) / "tests/unit/contract/schemas" / (schema + ".schema.json"));
    ASSERT_TRUE(rules.contains("required")) << schema;
    EXPECT_EQ(schema_violation(json(place() / file), rules, rules), "") << file;
  }
}

// The real build, as `make release PARTS=tools` has it.
TEST_F(Release, WhatTheBuildInstallsIsReleased) {
  const auto out = (directory_.path() / "out").string();
  const auto result = made().release({{"BUILD", CG_BINARY_DIR}, {"OUT", out}, {"VERSION", "3.0.0"}});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto real = fs::path(out) / "release/3.0.0";
  const auto machine = std::string(trim(run_checked({"uname", "-m"}).value_or("")));
  for (const char* tool : {"kcheck", "guest-checkpoint"}) {
    const auto program = (real / (std::string(tool) + "-linux-" + machine)).string();
    EXPECT_TRUE(run_checked({program, "--version"}).value_or("").contains(CG_VERSION)) << program;
    EXPECT_FALSE(run_checked({"readelf", "-l", program}).value_or("INTERP").contains("INTERP")) << program;
  }
  const auto verified = verify(real);
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_TRUE(verified.out.contains("not signed")) << verified.out;
}

TEST_F(Release, IsAsItWasReleased) {
  auto result = verify(place());
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_TRUE(result.out.contains("all as the manifest says")) << result.out;
  EXPECT_TRUE(result.out.contains("only PUBKEY=FILE tells")) << result.out;
  result = verify(place(), made().open);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_TRUE(result.out.contains("signed by " + made().open.string())) << result.out;
  // Without a directory: the newest.
  const auto newer = made().release({{"VERSION", "2.0.0-rc1"}});
  ASSERT_EQ(newer.status, 0) << newer.out << newer.err;
  result = made().checkout.script("release-verify.sh", {});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_TRUE(result.out.starts_with("criu-guest 2.0.0-rc1, ")) << result.out;
  EXPECT_NE(json(place() / "sbom.cdx.json")["serialNumber"],
            json(made().checkout.release("2.0.0-rc1") / "sbom.cdx.json")["serialNumber"]);
}

TEST_F(Release, IsTheSameWhoeverMakesItAndWhen) {
  const auto again = directory_.path() / "again";
  const auto result = made().release({{"VERSION", "1.0.0"},
                                      {"KEY", made().secret.string()},
                                      {"OUT", again.string()},
                                      {"TZ", "Asia/Tokyo"},
                                      {"LC_ALL", "C"}});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto first = place();
  ASSERT_EQ(names_in(again / "release/1.0.0"), names_in(first));
  for (const auto& name : names_in(first))
    EXPECT_EQ(sha256_file(again / "release/1.0.0" / name).value_or("none"),
              sha256_file(first / name).value_or(""))
        << name;
}

TEST_F(Release, AFlippedBitInAnyFileIsFoundAndNamed) {
  std::vector<fs::path> releases = {copy()};
  if (find_program("minisign")) {
    const auto key = (made().keys / "mini.key").string();
    ASSERT_TRUE(run_checked({"minisign", "-G", "-W", "-p", (made().keys / "mini.pub").string(), "-s", key}));
    const auto result = made().release({{"VERSION", "2.0.0"}, {"KEY", key}});
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    releases.push_back(copy(made().checkout.release("2.0.0")));
    EXPECT_EQ(verify(releases[1], made().keys / "mini.pub").status, 0);
    const auto other = verify(releases[1], made().open);
    EXPECT_EQ(other.status, 1);
    EXPECT_TRUE(other.out.contains("signed by minisign, and PUBKEY=")) << other.out;
  }
  for (const auto& broken : releases) {
    for (const auto& name : names_in(broken)) {
      // Of the second one only what the first has otherwise.
      if (broken != releases[0] && !name.starts_with("SHA256SUMS") && !name.starts_with("release.")) continue;
      const auto size = fs::file_size(broken / name);
      // Each line of a signature counts.
      const bool lines = name.starts_with("SHA256SUMS.");
      std::vector<std::uintmax_t> places = {size / 3};
      if (lines) places = {0, size / 4, size / 2, size - 1};
      // A digit of a digest that is one still.
      if (name == "SHA256SUMS")
        places.push_back(read_file(broken / name).value_or("").find_first_of("014567acdf"));
      for (const auto at : places) {
        flip_bit(broken / name, at);
        EXPECT_EQ(said_of_flip(broken, name, at, verify(broken)), "");
        flip_bit(broken / name, at);
      }
    }
    EXPECT_EQ(verify(broken).status, 0);
  }
}

TEST_F(Release, WhatIsMissingAndWhatIsTooMuchIsNamed) {
  for (const auto& name : names_in(place())) {
    const auto broken = copy();
    fs::remove(broken / name);
    const auto result = verify(broken);
    EXPECT_EQ(result.status, 1) << name;
    EXPECT_TRUE(result.out.contains(name + ": missing")) << name << ":\n" << result.out << result.err;
  }
  const auto more = copy();
  for (const char* name : {"a b", "@", "*", "$(touch there)"})
    EXPECT_TRUE(write_file_atomically(more / name, "x"));
  fs::create_directory(more / "folder");
  fs::create_symlink("/etc/passwd", more / "link");
  const auto result = verify(more);
  EXPECT_EQ(result.status, 1);
  for (const char* named : {"a\\ b: too much", "folder: too much", "link: too much", "@: too much",
                            "\\*: too much", "\\$\\(touch\\ there\\): too much"})
    EXPECT_TRUE(result.out.contains(named)) << result.out << result.err;
  EXPECT_FALSE(fs::exists(more / "there"));
}

// Someone who knows how all this hangs together changes the tools, and everything that speaks of their
// digest.
TEST_F(Release, WhoChangesAllOfItCannotSignIt) {
  const auto broken = copy();
  const auto change = run_checked(
      {"sh", "-ec",
       "cd \"$0\"; file=$(ls kcheck-linux-*); old=$(sha256sum $file | cut -c1-64); echo >> $file\n"
       "new=$(sha256sum $file | cut -c1-64); size=$(stat -c %s $file)\n"
       "sed -i s/$old/$new/ sbom.cdx.json sbom.spdx.json provenance.json\n"
       "jq 'del(.self)' manifest.json > m\n"
       "for f in $file sbom.cdx.json sbom.spdx.json provenance.json; do\n"
       "  jq --arg f $f --arg s $(sha256sum $f | cut -c1-64) '(.files[] | select(.name == $f)).sha256 = $s' "
       "m > n\n"
       "  mv n m\ndone\n"
       "jq --arg self $(sha256sum m | cut -c1-64) '. + {self: $self}' m > manifest.json; rm m\n"
       "LC_ALL=C; sha256sum $(ls | grep -v SHA256SUMS) > SHA256SUMS.new; mv SHA256SUMS.new SHA256SUMS",
       broken.string()});
  ASSERT_TRUE(change) << change.error().message;
  auto result = verify(broken);
  EXPECT_EQ(result.status, 1) << result.out;
  EXPECT_TRUE(result.out.contains("SHA256SUMS.sig: is no signature of SHA256SUMS by release.pem"))
      << result.out << result.err;
  EXPECT_FALSE(result.out.contains("kcheck")) << result.out;
  // Signed with a key of their own it is whole again, but for those who know the key.
  const auto theirs = directory_.path() / "theirs.pem";
  ASSERT_TRUE(run_checked({"openssl", "genpkey", "-algorithm", "ed25519", "-out", theirs.string()}));
  fs::remove(broken / "SHA256SUMS.sig");
  result = verify(broken, made().open);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(result.out.contains("SHA256SUMS.sig: missing: this release was signed")) << result.out;
  EXPECT_TRUE(result.out.contains("not signed, and PUBKEY=")) << result.out;
}

// An archive that was packed anew, with everything around it: the member is named.
TEST_F(Release, TheMemberOfAnArchiveThatDiffersIsNamed) {
  const auto broken = copy();
  const auto change =
      run_checked({"sh", "-ec",
                   "cd \"$0\"; file=$(ls criu-guest-*-linux-*.tar.gz); mkdir t; tar -C t -xf $file\n"
                   "echo >> t/criu-guest-1.0.0/share/criu-guest/recipes/criu-versions.toml; rm "
                   "t/criu-guest-1.0.0/bin/guest-run\n"
                   "tar -C t -cf - --sort=name --owner=0 --group=0 criu-guest-1.0.0 | gzip > $file; rm -r t",
                   broken.string()});
  ASSERT_TRUE(change) << change.error().message;
  const auto result = verify(broken);
  EXPECT_EQ(result.status, 1);
  for (const char* said : {"member criu-guest-1.0.0/share/criu-guest/recipes/criu-versions.toml differs",
                           "member criu-guest-1.0.0/bin/guest-run is missing"})
    EXPECT_TRUE(result.out.contains(said)) << result.out << result.err;
  EXPECT_FALSE(result.out.contains("bin/kcheck")) << result.out;
}

TEST_F(Release, BadInputIsOneClearErrorAndChangesNothing) {
  const auto& checkout = made().checkout;
  const auto elsewhere = directory_.path() / "rsa.pem";
  ASSERT_TRUE(run_checked({"openssl", "genpkey", "-algorithm", "rsa", "-out", elsewhere.string()}));
  const auto before = names_in(checkout.path() / "out/release");
  const auto sums = sha256_file(place() / "SHA256SUMS").value_or("");
  const struct {
    std::map<std::string, std::string> variables;
    int status;
    const char* says;
  } calls[] = {
      {{{"VERSION", "1.0.0"}}, 1, "1.0.0 exists already"},
      {{{"VERSION", "../1"}}, 2, "is no version"},
      {{{"VERSION", "latest"}}, 2, "is no version"},
      {{{"VERSION", "-n"}}, 2, "is no version"},
      {{{"VERSION", "3"}, {"PARTS", "kernels"}}, 2, "there is no part 'kernels'"},
      {{{"VERSION", "3"}, {"KEY", "/nowhere"}}, 3, "KEY=/nowhere: there is no such file"},
      {{{"VERSION", "3"}, {"KEY", made().open.string()}}, 1, "is the public half"},
      {{{"VERSION", "3"}, {"KEY", elsewhere.string()}}, 1, "is no Ed25519 key"},
      {{{"VERSION", "3"}, {"KEY", (checkout.path() / "LICENSE").string()}}, 1, "is no secret key"},
      {{{"VERSION", "3"}, {"AGENT", "/nowhere"}}, 3, "AGENT=/nowhere: there is no such file"},
  };
  for (const auto& [variables, status, says] : calls) {
    const auto result = made().release(variables);
    EXPECT_EQ(result.status, status) << says << ": " << result.err;
    EXPECT_TRUE(result.err.contains(says)) << result.err;
    EXPECT_EQ(split_lines(result.err).size(), 1U) << result.err;
  }
  EXPECT_EQ(names_in(checkout.path() / "out/release"), before);
  EXPECT_EQ(sha256_file(place() / "SHA256SUMS").value_or("none"), sums);

  for (const auto& [open, status, says] : std::vector<std::tuple<fs::path, int, std::string>>{
           {"/nowhere", 3, "there is no such file"},
           {made().secret, 1, "is the secret half"},
           {checkout.path() / "LICENSE", 1, "is no public key"}}) {
    const auto result = verify(place(), open);
    EXPECT_EQ(result.status, status) << result.out << result.err;
    EXPECT_TRUE(result.err.contains(says)) << result.err;
  }
  EXPECT_EQ(verify("/nowhere").status, 3);
  EXPECT_EQ(checkout.script("release-verify.sh", {}, {"a", "b"}).status, 2);
}

// Nothing that no commit holds is released; what was half made is gone.
TEST_F(Release, IsOfACommit) {
  const auto changed = made().checkout.path() / "changed";
  ASSERT_TRUE(write_file_atomically(changed, "x"));
  const auto result = made().release({{"VERSION", "4"}});
  fs::remove(changed);
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(result.err.contains("?? changed")) << result.err;
  for (const auto& name : names_in(made().checkout.path() / "out"))
    EXPECT_FALSE(name.starts_with(".")) << name;
}

// Without VERSION it is a rehearsal, which the next one replaces.
TEST_F(Release, WithoutAVersionIsReplaced) {
  const std::string version = std::string(CG_VERSION) + "-dev";
  const auto out = (directory_.path() / "out").string();
  for (int turn = 0; turn < 2; ++turn) {
    const auto result = made().release({{"OUT", out}});
    EXPECT_EQ(result.status, 0) << result.out << result.err;
    EXPECT_TRUE(fs::exists(fs::path(out) / "release" / version / "manifest.json"));
  }
  EXPECT_EQ(names_in(fs::path(out) / "release"), (std::set<std::string>{"latest", version}));
}

}  // namespace
}  // namespace cg
