#include "elf/elf.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/host.h"
#include "base/process.h"
#include "temporary_directory.h"

namespace cg {
namespace {
namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class ReadElf : public testing::Test {
 protected:
  // What the machine's own compiler makes of a one-line program.
  fs::path compile(const std::string& name, std::vector<std::string> options) {
    const fs::path path = directory_.path() / name;
    std::vector<std::string> argv{"gcc", "-x", "c", "-", "-o", path.string()};
    argv.insert(argv.end(), options.begin(), options.end());
    const auto done = run_checked(argv, {.input = "int main(void) { return 0; }\n"});
    EXPECT_TRUE(done) << done.error().message;
    return path;
  }
  TemporaryDirectory directory_;
};

TEST_F(ReadElf, DynamicProgram) {
  const auto elf = read_elf(compile("a", {"-pie", "-Wl,-rpath,/one:/two", "-Wl,--build-id=0xabcdef01"}));
  ASSERT_TRUE(elf) << elf.error().message;
  EXPECT_EQ(elf->machine, host_machine());
  EXPECT_EQ(elf->type, ElfType::shared);
  EXPECT_TRUE(elf->is_pie);
  EXPECT_FALSE(elf->is_static);
  EXPECT_FALSE(elf->interp.empty());
  EXPECT_EQ(elf->needed, std::vector<std::string>{"libc.so.6"});
  EXPECT_EQ(elf->run_path, (std::vector<std::string>{"/one", "/two"}));
  EXPECT_EQ(elf->build_id, "abcdef01");
  EXPECT_TRUE(elf->has_symbols);
}

TEST_F(ReadElf, SymbolVersionsAsNeededAndDefined) {
  const fs::path script = directory_.path() / "versions";
  spill(script, "V_1 { one; }; V_2 { main; } V_1;");
  const fs::path path = compile(
      "libx.so", {"-shared", "-fPIC", "-Wl,-soname,libx.so", "-Wl,--version-script=" + script.string()});
  const auto elf = read_elf(path);
  ASSERT_TRUE(elf) << elf.error().message;
  EXPECT_EQ(elf->version_definitions, (std::vector<std::string>{"V_1", "V_2"}));
  const auto program = read_elf(compile("a", {"-pie"}));
  ASSERT_TRUE(program);
  ASSERT_FALSE(program->version_needs.empty());
  EXPECT_EQ(program->version_needs[0].library, "libc.so.6");
  EXPECT_TRUE(program->version_needs[0].version.starts_with("GLIBC_"));
  // The same from memory.
  const std::string bytes = slurp(path);
  const auto again = read_elf(bytes, "memory");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->version_definitions, elf->version_definitions);
  EXPECT_EQ(again->soname, "libx.so");
  EXPECT_FALSE(read_elf(std::string_view(bytes).substr(0, 20), "memory"));
}

TEST_F(ReadElf, RpathIsHandedDownAndRunpathIsNot) {
  EXPECT_TRUE(read_elf(compile("a", {"-Wl,-rpath,/x", "-Wl,--disable-new-dtags"}))->run_path_is_handed_down);
  EXPECT_FALSE(read_elf(compile("b", {"-Wl,-rpath,/x", "-Wl,--enable-new-dtags"}))->run_path_is_handed_down);
}

TEST_F(ReadElf, StaticProgram) {
  const auto elf = read_elf(compile("a", {"-static", "-s"}));
  ASSERT_TRUE(elf) << elf.error().message;
  EXPECT_EQ(elf->type, ElfType::executable);
  EXPECT_TRUE(elf->is_static);
  EXPECT_FALSE(elf->is_pie);
  EXPECT_EQ(elf->interp, "");
  EXPECT_TRUE(elf->needed.empty());
  EXPECT_FALSE(elf->has_symbols);
}

TEST_F(ReadElf, StaticPie) {
  const auto elf = read_elf(compile("a", {"-static-pie"}));
  ASSERT_TRUE(elf) << elf.error().message;
  EXPECT_TRUE(elf->is_static);
  EXPECT_TRUE(elf->is_pie);
}

TEST_F(ReadElf, SharedLibraryIsNoStaticProgram) {
  const auto elf = read_elf(compile("a", {"-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libx.so.1"}));
  ASSERT_TRUE(elf) << elf.error().message;
  EXPECT_EQ(elf->soname, "libx.so.1");
  EXPECT_FALSE(elf->is_static);
}

TEST_F(ReadElf, ObjectAndDebugInformation) {
  const auto elf = read_elf(compile("a.o", {"-c", "-g"}));
  ASSERT_TRUE(elf) << elf.error().message;
  EXPECT_EQ(elf->type, ElfType::relocatable);
  EXPECT_TRUE(elf->has_debug);
  EXPECT_FALSE(elf->is_static);
}

TEST_F(ReadElf, RefusesWhatIsNone) {
  for (const std::string bytes : {"", "#!/bin/sh\n",
                                  "\x7f"
                                  "ELF"}) {
    spill(directory_.path() / "x", bytes);
    const auto elf = read_elf(directory_.path() / "x");
    ASSERT_FALSE(elf) << bytes;
    EXPECT_EQ(elf.error().kind, ErrorKind::refused);
    EXPECT_NE(elf.error().message.find((directory_.path() / "x").string()), std::string::npos);
  }
  const auto absent = read_elf(directory_.path() / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::cannot);
  EXPECT_FALSE(read_elf(directory_.path()));
}

// Every cut and every changed byte of the headers gives an answer or an error, and no fault.
TEST_F(ReadElf, SurvivesDamage) {
  const std::string whole = slurp(compile("a", {"-pie", "-s"}));
  const fs::path path = directory_.path() / "damaged";
  std::size_t refusals = 0;
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    spill(path, whole.substr(0, size));
    if (!read_elf(path)) ++refusals;
  }
  EXPECT_GT(refusals, 10U);
  for (std::size_t at = 0; at < 1024; ++at)
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      spill(path, bytes);
      (void)read_elf(path);
    }
}

}  // namespace
}  // namespace cg
