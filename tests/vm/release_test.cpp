// A whole release: what Kata takes, bound together and checked, and the image booted as Kata's QEMU boots it.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "flipped_bit.h"
#include "json_schema.h"
#include "programs.h"
#include "scratch_checkout.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST(WholeRelease, IsWhatKataTakesAndBoots) {
  for (const char* program : {"git", "jq", "zstd", "nm", "qemu-system-x86_64"})
    if (!find_program(program)) GTEST_SKIP() << "no " << program << " here: make deps";
  if (!fs::exists(checkout / "out/vmlinux.container") || !fs::exists(checkout / "out/criu-4.2.1"))
    GTEST_SKIP() << "kernel or CRIU is missing; `make demo` makes them";
  const ScratchCheckout scratch;
  ASSERT_EQ(scratch.fault(), "");
  // What is built already is up to date there as well.
  fs::create_directory(scratch.path() / "out");
  const Json built = Json::parse(read_file(checkout / "out/kernel.json").value_or(""), nullptr, false);
  fs::copy(checkout / "out/kernel.json", scratch.path() / "out");
  for (const auto& file : built["files"]) {
    const auto name = file["name"].get<std::string>();
    fs::create_symlink(checkout / "out" / name, scratch.path() / "out" / name);
  }
  const std::string agent = programs + "stand-in-agent";
  const auto made = scratch.script("release.sh", {{"VERSION", "1.0.0"}, {"AGENT", agent}});
  ASSERT_EQ(made.status, 0) << made.out << made.err;
  const auto place = scratch.release("1.0.0");
  const auto verified = scratch.script("release-verify.sh", {}, {place.string()});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;

  // The manifest says what belongs together, and that nothing but the initrd is missing.
  const Json manifest = Json::parse(read_file(place / "manifest.json").value_or(""), nullptr, false);
  EXPECT_EQ(violation_of(manifest.dump(), "release.schema.json"), "");
  EXPECT_EQ(manifest["missing"].size(), 1U) << manifest["missing"];
  const Json& bound = manifest["bound"];
  EXPECT_EQ(bound["image"]["holds"]["kata-agent"], sha256_file(agent).value_or(""));
  EXPECT_EQ(bound["image"]["holds"]["criu"], bound["criu"]["sha256"]);
  EXPECT_EQ(bound["reports"].size(), 3U);
  for (const auto& report : bound["reports"]) EXPECT_EQ(report["verdict"], "PASS") << report;

  for (const auto& name : names_in(place)) {
    const auto at = fs::file_size(place / name) / 2;
    flip_bit(place / name, at);
    EXPECT_EQ(said_of_flip(place, name, at, scratch.script("release-verify.sh", {}, {place.string()})), "");
    flip_bit(place / name, at);
  }

  // Each archive unpacked at one root, name for name.
  const auto root = scratch.path() / "out/root";
  fs::create_directory(root);
  for (const auto& name : names_in(place))
    if (name.starts_with("kata-static-")) {
      EXPECT_EQ(call({"tar", "-C", root.string(), "--zstd", "-xf", (place / name).string()}).status, 0);
      const std::string component = name.substr(12, name.size() - 12 - 8);
      for (const char* sidecar : {"-version", "-builder-image-version", "-sha256sum"})
        EXPECT_TRUE(fs::exists(place / (component + sidecar))) << component << sidecar;
      EXPECT_EQ(
          call({"sh", "-c", "cd \"$0\" && sha256sum -c --quiet \"$1\"-sha256sum", place.string(), component})
              .status,
          0);
    }
  EXPECT_EQ(names_in(root), std::set<std::string>{"opt"});
  const auto share = root / "opt/kata/share/kata-containers";
  const std::string kernel = bound["kernel"]["version"].get<std::string>() + "-" +
                             bound["kernel"]["config_version"].get<std::string>();
  const std::string criu = bound["criu"]["version"];
  const std::string image = "kata-" + bound["image"]["system"].get<std::string>() + ".image";
  EXPECT_TRUE(image.starts_with("kata-debian-")) << image;
  EXPECT_EQ(names_in(share),
            (std::set<std::string>{"vmlinux-" + kernel, "vmlinuz-" + kernel, "config-" + kernel,
                                   "System.map-" + kernel, "vmlinux.container", "vmlinuz.container", image,
                                   "kata-containers.img", "root_hash_base.txt",
                                   "kata-criu-" + criu + "-extension.image",
                                   "kata-containers-criu-extension.img", "root_hash_criu-extension.txt"}));
  EXPECT_EQ(fs::read_symlink(share / "vmlinux.container"), "vmlinux-" + kernel);
  EXPECT_EQ(fs::read_symlink(share / "kata-containers.img"), image);
  EXPECT_EQ(sha256_file(share / ("vmlinux-" + kernel)).value_or(""), bound["kernel"]["sha256"]);
  EXPECT_TRUE(read_file(share / ("System.map-" + kernel)).value_or("").contains(" T start_kernel\n"));

  // The bills of materials know the packages that are in the image.
  const auto status = call(
      {programs + "rootfs-builder", "cat", (share / "kata-containers.img").string(), "/var/lib/dpkg/status"});
  std::size_t installed = 0;
  for (const auto line : split_lines(status.out)) installed += line == "Status: install ok installed";
  EXPECT_EQ(bound["packages"], installed);
  EXPECT_GT(installed, 50U);
  const Json cyclonedx = Json::parse(read_file(place / "sbom.cdx.json").value_or(""), nullptr, false);
  std::size_t listed = 0;
  for (const auto& component : cyclonedx["components"]) {
    listed += component.value("purl", "").starts_with("pkg:deb/debian/");
    if (component["name"] == "systemd") {
      EXPECT_TRUE(status.out.contains("\nVersion: " + component["version"].get<std::string>() + "\n"));
    }
  }
  EXPECT_EQ(listed, installed);

  // As Kata's QEMU starts it, but for its sockets: a disk, the names that its configuration has, systemd's
  // target. The agent that was put in says on the console that it runs.
  const auto console = scratch.path() / "out/console";
  const auto guest =
      call({"sh", "-c",
            "qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1024 -nodefaults -no-user-config "
            "-nographic "
            "-no-reboot -kernel \"$0/vmlinux.container\" -serial file:\"$1\" -monitor none "
            "-drive id=img,if=none,format=raw,readonly=on,file=\"$0/kata-containers.img\" "
            "-device virtio-blk-pci,drive=img -device virtio-rng-pci "
            "-append 'root=/dev/vda1 rootfstype=ext4 rootflags=data=ordered,errors=remount-ro ro "
            "console=ttyS0 panic=1 "
            "reboot=k net.ifnames=0 cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1 "
            "systemd.unit=kata-containers.target systemd.mask=systemd-networkd.service "
            "systemd.mask=systemd-networkd.socket agent.debug_console agent.log=debug' & qemu=$!\n"
            "for second in $(seq 300); do\n"
            "  grep -q 'stand-in agent: parent 1' \"$1\" 2>/dev/null && break\n"
            "  kill -0 $qemu 2>/dev/null || break\n  sleep 1\ndone\nkill $qemu",
            share.string(), console.string()});
  const auto seen = read_file(console).value_or("");
  EXPECT_TRUE(seen.contains("stand-in agent: parent 1"))
      << guest.err << seen.substr(seen.size() < 4000 ? 0 : seen.size() - 4000);
}

}  // namespace
}  // namespace cg
