// Every form a configuration comes in. Images are made here by the packers themselves, in the layouts of the
// kernel's boot protocols.
#include "kconfig/input.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <ostream>

#include "base/file.h"
#include "base/process.h"
#include "temporary_directory.h"
#include "unit/kernel/boot_image.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const std::string text =
    "#\n# Linux/x86 6.12.47 Kernel Configuration\n#\nCONFIG_X=y\n# CONFIG_Y is not set\n";

std::string packed_by(const std::vector<std::string>& argv, const std::string& bytes) {
  ProcessOptions options;
  options.input = bytes;
  const auto result = run(argv, options);
  EXPECT_TRUE(result && result->status == 0) << argv.front();
  return result ? result->out : "";
}

std::string le(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// A "kernel": noise, the marked configuration, more noise.
std::string raw_kernel() {
  std::string noise;
  for (unsigned i = 0; i < 300000; ++i) noise += static_cast<char>((i * 2654435761U) >> 13);
  return noise + "IKCFG_ST" + packed_by({"gzip", "-c"}, text) + "IKCFG_ED" + noise;
}

// As scripts/Makefile.lib builds it: all but gzip get the unpacked size behind them, here of 30 MB.
std::string bzimage(std::string payload) {
  if (!payload.starts_with("\x1f\x8b")) payload += le(30'000'000, 4);
  std::string image(1024, '\0');  // one boot sector, one of setup
  image[0x1f1] = 1;
  image.replace(0x202, 4, "HdrS");
  image.replace(0x206, 2, le(0x20f, 2));
  image.replace(0x248, 4, le(64, 4));
  image.replace(0x24c, 4, le(payload.size(), 4));
  return image + std::string(64, 'c') + payload + std::string(100, 'e');
}

// drivers/firmware/efi/libstub/zboot-header.S: vmlinuz.efi of arm64, riscv and loongarch.
std::string zboot(const std::string& payload) {
  return "MZ" + std::string(2, '\0') + "zimg" + le(512, 4) + le(payload.size(), 4) + std::string(496, 'z') +
         payload + std::string(100, 'e');
}

// An image with a mark at a place, and the kernel behind it.
std::string marked(std::size_t at, const std::string& mark, const std::string& kernel) {
  std::string head(std::max<std::size_t>(at + 64, 512), 'h');
  return head.replace(at, mark.size(), mark) + kernel;
}

// A 64-bit ELF file of a machine, with `data` as its .rodata.
std::string elf(int machine, std::endian order, const std::string& data) {
  const auto number = [&](std::uint64_t value, int bytes) {
    std::string text = le(value, bytes);
    if (order == std::endian::big) std::ranges::reverse(text);
    return text;
  };
  const std::string names = std::string("\0.rodata\0.shstrtab\0", 19);
  const auto section = [&](std::uint64_t name, std::uint64_t type, std::uint64_t offset, std::uint64_t size) {
    return number(name, 4) + number(type, 4) + number(0, 8) + number(0, 8) + number(offset, 8) +
           number(size, 8) + number(0, 8) + number(1, 8) + number(0, 8);
  };
  std::string file = std::string(
                         "\x7f"
                         "ELF\2",
                         5) +
                     (order == std::endian::big ? '\2' : '\1') + '\1' + std::string(9, '\0');
  file += number(2, 2) + number(static_cast<std::uint64_t>(machine), 2) + number(1, 4) + number(0, 16) +
          number(64 + data.size() + names.size(), 8) + number(0, 4) + number(64, 2) + number(0, 4) +
          number(64, 2) + number(3, 2) + number(2, 2);
  return file + data + names + std::string(64, '\0') + section(1, 1, 64, data.size()) +
         section(9, 3, 64 + data.size(), names.size());
}

struct Packer {
  const char* name;
  std::vector<std::string> argv;
};
void PrintTo(const Packer& packer, std::ostream* out) {
  *out << packer.name;
}

class Compression : public testing::TestWithParam<Packer> {};

TEST_P(Compression, OfATextAndOfABootImage) {
  if (!find_program(GetParam().argv.front())) GTEST_SKIP() << GetParam().argv.front() << " is not installed";
  const auto config = read_config(packed_by(GetParam().argv, text), "c");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->config.value("X"), "y");
  EXPECT_EQ(config->config.version, "6.12.47");

  const std::string payload = packed_by(GetParam().argv, raw_kernel());
  for (const std::string& image :
       {bzimage(payload), zboot(payload), payload, marked(0, "\x27\x05\x19\x56", payload),
        marked(0x10008, "S390EP", payload), elf(21, std::endian::little, payload)}) {
    const auto kernel = read_config(image, "k");
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->config.value("X"), "y");
  }
  // The whole kernel is unpacked without finding one, and what the build appended is no damage.
  const auto none = read_config(bzimage(packed_by(GetParam().argv, std::string(100000, 'k'))), "k");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.contains("IKCONFIG")) << none.error().message;
  // Cut off before the configuration: an error, never an empty answer.
  for (const std::string& image :
       {bzimage(payload.substr(0, payload.size() / 8)), zboot(payload.substr(0, payload.size() / 8)),
        zboot(payload).substr(0, 400)}) {
    const auto cut = read_config(image, "k");
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().kind, ErrorKind::refused);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Input, Compression,
    testing::Values(Packer{"gzip", {"gzip", "-c"}}, Packer{"xz", {"xz", "-c", "--check=crc32"}},
                    Packer{"zstd", {"zstd", "-c", "-q"}}, Packer{"lzma", {"xz", "-c", "--format=lzma"}},
                    Packer{"bzip2", {"bzip2", "-c"}}, Packer{"lz4", {"lz4", "-c", "-l", "-q"}},
                    Packer{"lz4_frame", {"lz4", "-c", "-q"}}, Packer{"lzop", {"lzop", "-c", "-9"}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Input, UnpackedImagesOfOtherMachines) {
  for (const std::string& image :
       {marked(56, "ARM\x64", raw_kernel()), marked(56, "RSC\x05", raw_kernel())}) {
    const auto kernel = read_config(image, "Image");
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->config.value("X"), "y");
  }
}

TEST(Input, VmlinuxOfEveryMachine) {
  for (const auto& [machine, order] : {std::pair(62, std::endian::little),
                                       {183, std::endian::little},
                                       {21, std::endian::little},
                                       {243, std::endian::little},
                                       {22, std::endian::big}}) {
    const auto kernel = read_config(elf(machine, order, raw_kernel()), "vmlinux");
    ASSERT_TRUE(kernel) << machine << ": " << kernel.error().message;
    EXPECT_EQ(kernel->form, "vmlinux");
    EXPECT_EQ(kernel->config.value("X"), "y");
  }
}

TEST(Input, DamagedLzop) {
  if (!find_program("lzop")) GTEST_SKIP() << "lzop is not installed";
  const std::string good = packed_by({"lzop", "-c"}, text + std::string(200000, '\n'));
  for (std::size_t at = 9; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    const auto config = read_config(bad, "f.lzo");  // what is not covered by a sum may be anything
    EXPECT_TRUE(config || config.error().kind == ErrorKind::refused) << at;
  }
  std::string bad = good;
  bad[good.size() - 12] = static_cast<char>(bad[good.size() - 12] ^ 0x55);
  EXPECT_FALSE(read_config(bad, "f.lzo"));
  for (const std::size_t size : {std::size_t{12}, good.size() / 2, good.size() - 1}) {
    const auto cut = read_config(good.substr(0, size), "f.lzo");
    ASSERT_FALSE(cut);
    EXPECT_TRUE(cut.error().message.contains("lzop data is cut short")) << cut.error().message;
  }
}

TEST(Input, KernelsWithoutAConfiguration) {
  for (const std::string& image :
       {bzimage(packed_by({"gzip", "-c"}, std::string(100000, 'k'))), "MZ" + std::string(4000, '\1'),
        std::string("\x7f"
                    "ELF\2\1\1",
                    7) +
            std::string(3000, '\0')}) {
    const auto config = read_config(image, "k");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().kind, ErrorKind::cannot);
    EXPECT_TRUE(config.error().message.contains("IKCONFIG")) << config.error().message;
  }
}

// As distributions put both into /boot.
TEST(Input, OfAKernelWithoutOneTheConfigurationBesideItCounts) {
  const TemporaryDirectory directory;
  const fs::path kernel = directory.path() / "vmlinuz-9.1.0-3-amd64", link = directory.path() / "vmlinuz";
  ASSERT_TRUE(write_file_atomically(
      kernel, boot_image(packed_by({"gzip", "-c"}, std::string(100000, 'k')), "9.1.0-3-amd64")));
  fs::create_symlink(kernel.filename(), link);
  auto config = load_config_input(link);
  ASSERT_FALSE(config);
  EXPECT_TRUE(config.error().message.contains("IKCONFIG")) << config.error().message;
  const fs::path beside = directory.path() / "config-9.1.0-3-amd64";
  ASSERT_TRUE(write_file_atomically(directory.path() / "config-9.1.0-4-amd64", text));
  EXPECT_FALSE(load_config_input(kernel)) << "another kernel's";
  ASSERT_TRUE(write_file_atomically(beside, text));
  for (const fs::path& path : {kernel, link}) {
    config = load_config_input(path);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->config.value("X"), "y");
    EXPECT_EQ(config->name, beside.string()) << "who reads it is told where it was read";
  }
  // Damage is damage, whatever lies beside.
  std::string cut = read_file(kernel).value();
  cut.resize(1100);
  ASSERT_TRUE(write_file_atomically(kernel, cut));
  config = load_config_input(kernel);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().kind, ErrorKind::refused) << config.error().message;
}

TEST(Input, AnElfFileWithTheConfigurationInItsData) {
  TemporaryDirectory directory;
  const fs::path source = directory.path() / "k.S";
  ASSERT_TRUE(write_file_atomically(directory.path() / "config.gz", packed_by({"gzip", "-c"}, text)));
  ASSERT_TRUE(write_file_atomically(source, ".section .rodata\n.ascii \"IKCFG_ST\"\n.incbin \"" +
                                                (directory.path() / "config.gz").string() +
                                                "\"\n.ascii \"IKCFG_ED\"\n"));
  const std::string vmlinux = (directory.path() / "vmlinux").string();
  const auto built = run({"gcc", "-nostdlib", "-static", "-Wl,-e,0", "-o", vmlinux, source.string()});
  ASSERT_TRUE(built && built->status == 0);
  const auto config = load_config_input(vmlinux);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->form, "vmlinux");
  EXPECT_EQ(config->config.value("X"), "y");
}

TEST(Input, ABombStopsAtALimit) {
  // 80 MB of blanks pack into 80 kB.
  const std::string bomb = packed_by({"gzip", "-9", "-c"}, "CONFIG_X=y\n" + std::string(80 << 20, ' '));
  const auto config = read_config(bomb, "bomb.gz");
  ASSERT_FALSE(config);
  EXPECT_TRUE(config.error().message.contains("unpacks to more than")) << config.error().message;
}

TEST(Input, BadBytes) {
  const std::pair<std::string, const char*> cases[] = {
      {std::string("\x01\x02\0\x03", 4), "binary data"},
      {"CONFIG_X=\n", "f:1: conf drops CONFIG_X"},
      {"CONFIG_X=Yes\n", "f:1: conf drops CONFIG_X: 'Yes' is no y, m, n"},
      {"CONFIG_\xff\xfe=y\n", "f:1:"},
      {"CONFIG_X=\xff\n", "f:1:"},
      {"\n\nhello\n", "f:3: conf drops 'hello'"},
      {std::string("\x1f\x8b\x08\0\0", 5), "gzip data is cut short"},
      {packed_by({"gzip", "-c"}, text).substr(0, 60), "cut short"},
      {"\xfd"
       "7zXZ",
       "f:1:"},
  };
  for (const auto& [bytes, message] : cases) {
    const auto config = read_config(bytes, "f");
    ASSERT_FALSE(config) << message;
    EXPECT_EQ(config.error().kind, ErrorKind::refused);
    EXPECT_TRUE(config.error().message.contains(message)) << config.error().message;
    EXPECT_FALSE(config.error().message.contains('\xff')) << "the message must be fit for a terminal";
  }
}

TEST(Input, WindowsLineEndsAndByteOrderMark) {
  const auto config = read_config(
      "\xef\xbb\xbf# Linux/x86 6.12.47 Kernel Configuration\r\nCONFIG_X=y\r\nCONFIG_S=\"a b\"\r\n", "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->config.value("X"), "y");
  EXPECT_EQ(config->config.value("S"), "\"a b\"");
}

TEST(Input, ATextThatIsNotUtf8IsTakenWithAWarning) {
  const auto config = read_config("CONFIG_X=y\nCONFIG_S=\"\xff\"\nCONFIG_T=\"\xc3\xa9\"\n", "f");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->config.value("S"), "\"\xff\"");
  ASSERT_EQ(config->config.warnings.size(), 1U);
  EXPECT_EQ(config->config.warnings[0], "f:2: the text of CONFIG_S is not UTF-8: \"?\"");
}

TEST(Input, AHugeFileIsRefusedByItsSize) {
  TemporaryDirectory directory;
  const fs::path file = directory.path() / "huge";
  ASSERT_TRUE(write_file_atomically(file, "CONFIG_X=y\n"));
  fs::resize_file(file, 1ULL << 30);
  const auto config = load_config_input(file);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().kind, ErrorKind::refused);
  EXPECT_TRUE(config.error().message.contains("no kernel configuration")) << config.error().message;
}

TEST(Fragments, AreMergedInOrderWithDirectories) {
  TemporaryDirectory directory;
  const fs::path conf = directory.path() / "conf.d";
  fs::create_directories(conf);
  ASSERT_TRUE(write_file_atomically(conf / "20-b.conf", "# CONFIG_X is not set\nCONFIG_B=y\n"));
  ASSERT_TRUE(write_file_atomically(conf / "10-a.conf", "CONFIG_X=y\n"));
  ASSERT_TRUE(write_file_atomically(conf / "README", "not a fragment\n"));
  ASSERT_TRUE(write_file_atomically(directory.path() / "last", "CONFIG_B=m\n"));
  const auto merged = load_fragments({conf.string(), (directory.path() / "last").string()});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(merged->value("X"), "n");
  EXPECT_EQ(merged->value("B"), "m");
  ASSERT_EQ(merged->overrides.size(), 2U);
  EXPECT_TRUE(merged->overrides[0].earlier.file.ends_with("10-a.conf"));
  EXPECT_TRUE(merged->overrides[0].later.file.ends_with("20-b.conf"));
  EXPECT_FALSE(load_fragments({directory.path().string()}));  // a directory without fragments
}

}  // namespace
}  // namespace cg
