// What README.md and docs/firecracker.md print is run as it is printed, in the order it stands.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

std::string first_block(const std::string& page, const std::string& language) {
  const std::string text = read_file(checkout / page).value_or("");
  const std::string mark = "```" + language + "\n";
  const auto at = text.find(mark);
  if (at == text.npos) return "";
  return text.substr(at + mark.size(), text.find("```", at + mark.size()) - at - mark.size());
}

TEST(Pages, TheReadmesLinesRunInTheirOrder) {
  for (const char* name : {"out/vmlinux.container", "out/demo.img", "out/criu-4.2.1"})
    if (!fs::exists(checkout / name)) GTEST_SKIP() << name << " is missing; `make demo` makes it";
  const std::string block = first_block("README.md", "sh");
  ASSERT_TRUE(block.starts_with("make install ")) << block;
  // A checkout whose results are this one's, and in which what the lines write may lie about.
  const TemporaryDirectory directory;
  for (const auto& entry : fs::directory_iterator(checkout))
    fs::create_symlink(entry.path(), directory.path() / entry.path().filename());
  const std::string build = CG_BINARY_DIR;
  std::string script = "exec 3> statuses\n";
  std::string line;
  std::vector<std::string> lines;
  for (const auto piece : split_lines(block)) {
    if (trim(piece).empty() || trim(piece).starts_with('#')) continue;
    line += std::string(piece) + "\n";
    if (piece.substr(0, piece.find(" #")).ends_with('\\')) continue;
    script += line + "echo $? >&3\n";
    lines.push_back(line);
    line.clear();
  }
  script += "kill %1\n";
  ASSERT_TRUE(write_file_atomically(directory.path() / "script", script));
  const auto ran =
      run({"bash", "script"}, {.directory = directory.path(),
                               .set_variables = {{"HOME", directory.path().string()}, {"BUILD", build}},
                               .timeout = std::chrono::minutes(20)});
  ASSERT_TRUE(ran);
  const std::string told = read_file(directory.path() / "statuses").value_or("");
  const auto statuses = split_lines(told);
  ASSERT_EQ(statuses.size(), lines.size()) << ran->out << ran->err;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    // Of this machine the answer may be no, or that an ordinary user cannot tell; two images differ.
    const bool asks =
        lines[i].starts_with("kcheck") || lines[i].starts_with("sleep") || lines[i].contains(" diff ");
    const bool good = statuses[i] == "0" || (asks && (statuses[i] == "1" || statuses[i] == "3"));
    EXPECT_TRUE(good) << statuses[i] << ": " << lines[i] << ran->err;
  }
  EXPECT_TRUE(ran->out.contains("README.md\n")) << "what was put in is in the guest: " << ran->out;
}

// Firecracker itself cannot be had here; QEMU's microvm machine has its devices: virtio over MMIO, no PCI, a
// serial console. With ACPI that machine has no clock that an emulated processor's could be measured by.
// Kernel, image and arguments are those of the page.
TEST(Pages, TheFirecrackerConfigurationBoots) {
  const auto config = nlohmann::json::parse(first_block("docs/firecracker.md", "json"));
  const std::string kernel = config["boot-source"]["kernel_image_path"];
  const std::string image = config["drives"][0]["path_on_host"];
  if (!fs::exists(checkout / kernel) || !fs::exists(checkout / image))
    GTEST_SKIP() << kernel << " or " << image << " is missing; `make demo` makes them";
  if (!find_program("qemu-system-x86_64")) GTEST_SKIP() << "qemu-system-x86_64 is not installed";
  const TemporaryDirectory directory;
  const std::string arguments = config["boot-source"]["boot_args"];
  const auto booted =
      run({"bash", "-c",
           "qemu-system-x86_64 -M microvm,acpi=off,pit=on,pic=on,rtc=on -accel tcg -cpu max -m 512 "
           "-nodefaults -no-user-config -display "
           "none -no-reboot "
           "-chardev stdio,id=c,signal=off -serial chardev:c -kernel \"$0\" -append \"$1\" "
           "-drive id=d,if=none,format=raw,snapshot=on,file=\"$2\" -device virtio-blk-device,drive=d "
           "< /dev/null > console & pid=$!; for _ in $(seq 600); do grep -q ' is up: ' console && break; "
           "sleep 0.5; done; "
           "kill $pid; cat console",
           (checkout / kernel).string(), arguments, (checkout / image).string()},
          {.directory = directory.path(), .timeout = std::chrono::minutes(6)});
  ASSERT_TRUE(booted);
  EXPECT_TRUE(booted->out.contains(" is up: ")) << last_lines(booted->out, 20);
  EXPECT_FALSE(booted->out.contains("applet not found")) << booted->out;
}

}  // namespace
}  // namespace cg
