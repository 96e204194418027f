// The small pieces of guest-run that need no guest.
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/file.h"
#include "bootable.h"
#include "console.h"
#include "guest_run_tool.h"
#include "initrd.h"
#include "options.h"
#include "temporary_directory.h"

namespace cg {
namespace {

struct Called {
  int status;
  std::string out;
  std::string err;
};

Called call(const Args& args) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in;
  Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
  const int status = guest_run_main(args, env);
  return {status, out.str(), err.str()};
}

TEST(Console, FindsThePanicOnceItsLineIsComplete) {
  Console console;
  console.append("[    1.0] Kernel panic - not syncing: sysrq trig");
  EXPECT_FALSE(console.panic());
  console.append("gered crash\r\n[    1.1] CPU: 0\r\n");
  EXPECT_EQ(console.panic(), "sysrq triggered crash");
  console.append("[    1.2] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n");
  EXPECT_EQ(console.panic(), "sysrq triggered crash");
  EXPECT_EQ(Console().panic(), std::nullopt);
}

TEST(Console, LastLinesHaveNoEscapes) {
  Console console;
  console.append("one\r\ntwo\r\n\x1b[31mth\x1b[0mree\a\r\n");
  EXPECT_EQ(console.last(2), "two\nthree\n");
  EXPECT_EQ(Console().last(5), "");
}

TEST(Console, AnEndlessConsoleKeepsItsEnd) {
  Console console;
  for (int i = 0; i < 100000; ++i) console.append("line\n");
  console.append("end\n");
  EXPECT_EQ(console.last(1), "end\n");
}

TEST(GuestArchive, IsWhatTheKernelsFormatSays) {
  const std::string bytes = guest_archive({{"key", "12345"}});
  EXPECT_EQ(bytes.size() % 4, 0U);
  EXPECT_EQ(bytes.substr(0, 6), "070701");
  EXPECT_EQ(bytes.substr(14, 8), "000041ED");  // mode of the directory
  EXPECT_EQ(bytes.substr(110, 11), std::string(".guest-run\0", 11));
  const std::size_t second = 124;  // 110 + 11, aligned
  EXPECT_EQ(bytes.substr(second, 6), "070701");
  EXPECT_EQ(bytes.substr(second + 14, 8), "000081ED");
  const std::size_t third = bytes.find("070701", second + 110 + embedded_guest_init().size());
  ASSERT_NE(third, std::string::npos);
  EXPECT_EQ(third % 4, 0U);
  EXPECT_EQ(bytes.substr(third + 54, 8), "0000000A");  // size
  EXPECT_EQ(bytes.substr(third + 94, 8), "00000012");  // name with its NUL
  EXPECT_EQ(bytes.substr(third + 110, 18), std::string(".guest-run/config\0", 18));
  EXPECT_EQ(bytes.substr(third + 128, 10), "key=12345\n");
  EXPECT_NE(bytes.find("TRAILER!!!"), std::string::npos);
}

TEST(Initrd, ComesBehindTheUsersOwnAtAMultipleOfFour) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "user", "12345"));
  const auto fd = make_initrd(directory.path() / "user", "archive");
  ASSERT_TRUE(fd);
  lseek(fd->get(), 0, SEEK_SET);
  EXPECT_EQ(read_fd(fd->get(), "initrd").value(), std::string("12345\0\0\0archive", 15));
  EXPECT_TRUE(embedded_guest_init().starts_with(ELFMAG));
}

class Bootable : public testing::Test {
 protected:
  // "" when QEMU can boot it, else why not.
  std::string hindrance(const std::string& bytes) {
    EXPECT_TRUE(write_file_atomically(directory_.path() / "k", bytes));
    const auto checked = check_bootable(directory_.path() / "k");
    return checked ? "" : checked.error().message;
  }
  static std::string elf(std::uint16_t machine, std::uint32_t note) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phoff = sizeof header;
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_NOTE;
    segment.p_offset = sizeof header + sizeof segment;
    Elf64_Nhdr owner{4, 4, note};
    segment.p_filesz = sizeof owner + 8;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
    bytes.append(reinterpret_cast<const char*>(&owner), sizeof owner);
    return bytes.append("Xen\0\1\2\3\4", 8);
  }
  TemporaryDirectory directory_;
};

TEST_F(Bootable, KnowsBzImageAndPvh) {
  std::string image(4096, '\0');
  image.replace(0x1fe, 2, "\x55\xaa");
  image.replace(0x202, 4, "HdrS");
  EXPECT_EQ(hindrance(image), "");
  EXPECT_EQ(hindrance(elf(EM_X86_64, 18)), "");
}

TEST_F(Bootable, SaysWhatElseItIs) {
  EXPECT_TRUE(hindrance(elf(EM_X86_64, 17)).contains("without the PVH entry note"));
  EXPECT_TRUE(hindrance(elf(EM_AARCH64, 18)).contains("not for x86_64"));
  EXPECT_TRUE(hindrance("\x1f\x8b\x08 rest").contains("compressed file (gzip)"));
  EXPECT_TRUE(hindrance(std::string(56, '\0') + "ARM\x64").contains("another machine"));
  EXPECT_TRUE(hindrance("").contains("not a kernel"));
  EXPECT_TRUE(hindrance(elf(EM_X86_64, 18).substr(0, 70)).contains("PVH"));
  EXPECT_TRUE(check_bootable(directory_.path()).error().message.contains("not a regular file"));
}

TEST(GuestRunOptions, PutAndGetSayWhatTheyMean) {
  const auto put = parse_put("a:b:/to/f:0750");
  EXPECT_EQ(put->from, "a:b");
  EXPECT_EQ(put->to, "/to/f");
  EXPECT_EQ(put->mode, 0750U);
  EXPECT_EQ(parse_put("dir/name:/to/")->to, "/to/name");
  EXPECT_EQ(parse_put("a:/b")->mode, std::nullopt);
  for (const char* bad : {"a", "a:b", ":/b", "", "a:/b:9"})
    EXPECT_TRUE(!parse_put(bad) || parse_put(bad)->to == "/b:9") << bad;
  EXPECT_EQ(parse_get("/g/h:out")->to, "out");
  EXPECT_EQ(parse_get("/g/h")->to, "h");
  EXPECT_EQ(parse_get("/g/h:dir/")->to, "dir/h");
  for (const char* bad : {"g", "", "g:h", "/"}) EXPECT_FALSE(parse_get(bad)) << bad;
}

TEST(GuestRunCall, BadUsageIs2) {
  for (const Args& args :
       {Args{}, Args{"--kernel", "k"}, Args{"--kernel", "k", "--"}, Args{"--", "true"},
        Args{"--kernel", "k", "--put", "x", "--", "true"}, Args{"--kernel", "k", "--kernal", "--", "true"},
        Args{"--kernel", "k", "--image", "i", "--initrd", "r", "--", "true"},
        Args{"--kernel", "k", "--persist", "--", "true"},
        Args{"--kernel", "k", "--init", "nome", "--", "true"},
        Args{"--kernel", "k", "--timeout", "-1", "--", "true"},
        Args{"--kernel", "k", "--format", "json", "--", "true"},
        Args{"--kernel", "k", "--accel", "hvf", "--", "true"}}) {
    const auto result = call(args);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_NE(result.err, "");
    EXPECT_EQ(result.out, "");
  }
}

TEST(GuestRunCall, HelpIsAResult) {
  const auto result = call({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("--put"), std::string::npos);
  EXPECT_EQ(result.err, "");
}

TEST(GuestRunCall, AMissingKernelIs125AndNamed) {
  const auto result = call({"--qemu", "true", "--kernel", "/no/such/kernel", "--", "true"});
  EXPECT_EQ(result.status, 125);
  EXPECT_NE(result.err.find("/no/such/kernel: No such file"), std::string::npos) << result.err;
}

TEST(GuestRunCall, AnImageOfAnotherFormatIsNamed) {
  const TemporaryDirectory directory;
  std::string kernel(4096, '\0');
  kernel.replace(0x1fe, 2, "\x55\xaa");
  kernel.replace(0x202, 4, "HdrS");
  const std::string kernel_file = (directory.path() / "k").string();
  const std::string image_file = (directory.path() / "i").string();
  ASSERT_TRUE(write_file_atomically(kernel_file, kernel));
  for (const auto& [bytes, said] : {std::pair<std::string, std::string>{"QFI\xfb....", "qcow2"},
                                    {"\x1f\x8b\x08.....", "compressed"},
                                    {"", "too small"}}) {
    ASSERT_TRUE(write_file_atomically(image_file, bytes));
    const auto result =
        call({"--qemu", "true", "--kernel", kernel_file, "--image", image_file, "--", "true"});
    EXPECT_EQ(result.status, 125);
    EXPECT_NE(result.err.find(image_file + ": "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find(said), std::string::npos) << result.err;
  }
  const auto endless = call({"--qemu", "true", "--kernel", kernel_file, "--accel", "tcg", "--append",
                             std::string(4096, 'x'), "--", "true"});
  EXPECT_EQ(endless.status, 2);
  EXPECT_NE(endless.err.find("2047"), std::string::npos) << endless.err;
}

TEST(QemuCommand, CommasInNamesAreNotOptions) {
  VmSettings settings{
      .qemu = "q", .kernel = "k", .disks = {{"a,readonly=off", Changes::forbidden}, {"b", Changes::keep}}};
  const auto argv = qemu_command(settings, 3, 4);
  const auto has = [&](const std::string& word) { return std::ranges::find(argv, word) != argv.end(); };
  EXPECT_TRUE(has("if=none,id=disk0,format=raw,file=a,,readonly=off,readonly=on"));
  EXPECT_TRUE(has("if=none,id=disk1,format=raw,file=b"));
  EXPECT_TRUE(has("/dev/fd/4"));
}

TEST(GuestRunCall, MissingQemuIs125AndSaysWhatToInstall) {
  const std::string path = getenv("PATH");
  setenv("PATH", "/no/such/directory", 1);
  const auto result = call({"--kernel", "/no/such/kernel", "--", "true"});
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(result.status, 125);
  EXPECT_NE(result.err.find("qemu-system-x86"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace cg
