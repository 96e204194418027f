// A distribution's binary put together out of packages: a program of the test's own, with this machine's
// loader and C library as the other package.
#include "binary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "compiler.h"
#include "elf/elf.h"
#include "json_schema.h"
#include "temporary_directory.h"
#include "unit/source/make_archive.h"

namespace cg {
namespace {
namespace fs = std::filesystem;

// What the program's loader maps on this machine, by its own account.
std::vector<fs::path> mapped_by(const fs::path& program) {
  std::vector<fs::path> files;
  const std::string said = run_checked({"ldd", program.string()}).value_or("");
  for (const auto line : split_lines(said)) {
    const auto slash = line.find('/');
    if (slash != line.npos)
      files.emplace_back(std::string(line.substr(slash, line.find(' ', slash) - slash)));
  }
  return files;
}

class Binary : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(upstream_);
    const fs::path program = directory_.path() / "program";
    compiler_.compile(program, {},
                      "#include <stdio.h>\nint main(int c, char** v) {\n"
                      "printf(\"Version: 4.9\\n%s\\n\", c > 2 ? v[2] : \"\"); return 0; }\n");
    make_deb(upstream_ / "criu.deb", {{"./usr/sbin/criu", slurp(program), Member::Kind::file, 0755}});
    std::vector<Member> members;
    for (const auto& file : mapped_by(program)) {
      const std::string at = file.string().starts_with("/usr/") ? file.string() : "/usr" + file.string();
      members.push_back({"." + at, slurp(file), Member::Kind::file, 0755});
    }
    ASSERT_GE(members.size(), 2U) << "the loader and the C library";
    make_deb(upstream_ / "libc6.deb", members);
    apt("4.9-1");
    spill(recipe_, recipe_text());
  }
  void apt(const std::string& version) {
    std::string script =
        "#!/bin/sh\ncase \"$*\" in\nindextargets*) echo 'Debian file:" + upstream_.string() + "';;\n";
    for (const std::string name : {"criu", "libc6"})
      script += "*print-uris\\ " + name + ") echo \"'file://" + (upstream_ / (name + ".deb")).string() +
                "' " + name + "_" + (name == "criu" ? version : "2.99-1") +
                "_amd64.deb 1 SHA256:" + sha256_file(upstream_ / (name + ".deb")).value() + "\";;\n";
    spill(apt_get_, script + "esac\n");
    fs::permissions(apt_get_, fs::perms::owner_all);
  }
  static std::string recipe_text() {
    return "name = \"criu\"\nversion = \"4.9\"\nprogram = \"usr/sbin/criu\"\n"
           "[[package]]\nname = \"criu\"\nsuite = \"experimental\"\nversion_pattern = \"4.9\"\n"
           "[[package]]\nname = \"libc6\"\nsuite = \"unstable\"\n";
  }
  Result<CriuBinary> make() {
    CG_TRY(recipe, load_recipe(recipe_));
    return make_binary(recipe, {.cache = cache_, .apt_get = apt_get_.string()});
  }

  TemporaryDirectory directory_;
  Compiler compiler_;
  fs::path upstream_ = directory_.path() / "upstream";
  fs::path cache_ = directory_.path() / "cache";
  fs::path recipe_ = directory_.path() / "4.9.toml";
  fs::path apt_get_ = directory_.path() / "apt-get";
};

TEST_F(Binary, IsATreeThatCanBeMoved) {
  const auto made = make();
  ASSERT_TRUE(made) << made.error().message;
  const auto out = deliver_binary(*made, directory_.path() / "out");
  ASSERT_TRUE(out) << out.error().message;
  fs::rename(directory_.path() / "out", directory_.path() / "moved out");
  fs::remove_all(cache_ / "criu");
  const auto said =
      run_checked({(directory_.path() / "moved out" / "criu-4.9").string(), "one", "two words"});
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ(*said, "Version: 4.9\ntwo words\n");
  // By its own loader and libraries, not by the machine's.
  const fs::path tree = directory_.path() / "moved out" / "criu-4.9.d";
  std::string loader;
  for (const auto& entry : fs::directory_iterator(tree))
    if (entry.path().filename().string().starts_with("ld-")) loader = entry.path().string();
  const auto maps =
      run_checked({loader, "--library-path", tree.string(), "--list", (tree / "criu").string()});
  ASSERT_TRUE(maps) << maps.error().message;
  EXPECT_TRUE(maps->contains((tree / "libc.so.6").string())) << *maps;
}

TEST_F(Binary, SaysWhoseItIs) {
  const auto made = make();
  ASSERT_TRUE(made) << made.error().message;
  const std::string text = slurp(made->manifest);
  EXPECT_EQ(violation_of(text, "criu-builder.schema.json"), "") << text;
  const auto manifest = nlohmann::json::parse(text);
  EXPECT_TRUE(manifest["built_by"].get<std::string>().contains("distribution's binary"));
  EXPECT_EQ(manifest["packages"][0]["version"], "4.9-1");
  EXPECT_EQ(manifest["packages"][0]["sha256"], sha256_file(upstream_ / "criu.deb").value());
  EXPECT_EQ(manifest["files"]["criu-4.9.d/criu"], sha256_file(made->directory / "criu").value());
}

TEST_F(Binary, IsMadeOnceAndAnewWhenDamaged) {
  ASSERT_TRUE(make());
  const auto recipe = load_recipe(recipe_);
  ASSERT_TRUE(recipe);
  auto found = find_binary(*recipe, cache_);
  ASSERT_TRUE(found);
  fs::remove(apt_get_);
  EXPECT_TRUE(make()) << "apt is not asked again";
  spill(found->directory / "criu", "x");
  EXPECT_FALSE(find_binary(*recipe, cache_));
  EXPECT_FALSE(make());
  apt("4.9-1");
  EXPECT_TRUE(make());
}

TEST_F(Binary, NeedsItsLibrariesAndItsVersion) {
  make_deb(upstream_ / "libc6.deb", {{"./usr/share/doc/x", "x"}});
  apt("4.9-1");
  const auto bare = make();
  ASSERT_FALSE(bare);
  EXPECT_EQ(bare.error().kind, ErrorKind::refused);
  EXPECT_TRUE(bare.error().message.contains("libc.so.6") || bare.error().message.contains("ld-linux"))
      << bare.error().message;
  apt("4.8-1");
  const auto old = make();
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().kind, ErrorKind::cannot);
  EXPECT_TRUE(old.error().message.contains("no source could be had")) << old.error().message;
}

}  // namespace
}  // namespace cg
