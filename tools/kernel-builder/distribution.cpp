#include "distribution.h"

#include <fmt/format.h>

#include <chrono>
#include <system_error>
#include <vector>

#include "base/cli/watch.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/io/mapped_file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "compress/unpack.h"
#include "install.h"
#include "kconfig/config.h"
#include "kernel/form.h"
#include "kernel/payload.h"
#include "kernel/release.h"
#include "source/debian.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t largest_kernel = 1ULL << 30;  // bytes, unpacked
constexpr const char* built_by = "Debian: this is the distribution's binary, nothing of it was compiled here";

class Taking {
 public:
  Taking(const DistributionPlan& plan, FetchedPackage package, const fs::path& kept)
      : plan_(plan), package_(std::move(package)), kept_(kept) {}

  Result<KernelManifest> run() {
    CG_CHECK(unpack_deb(package_.path, package()));
    CG_CHECK(find_release());
    CG_CHECK(take_files());
    CG_CHECK(take_modules());
    return manifest();
  }

 private:
  fs::path package() const { return kept_ / "package"; }
  fs::path named(const std::string& name) const { return kept_ / (name + "-" + release_); }
  std::unexpected<Error> lacks(const std::string& what) const {
    return refused(fmt::format("{} {}: {}", package_.package, package_.version, what));
  }

  // "boot/vmlinuz-6.1.0-56-cloud-amd64"
  Result<void> find_release() {
    constexpr std::string_view beginning = "vmlinuz-";
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(package() / "boot", error)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(beginning)) continue;
      if (!release_.empty()) return lacks("there is more than one kernel in it");
      release_ = name.substr(beginning.size());
    }
    if (release_.empty()) return lacks("there is no boot/vmlinuz-RELEASE in it");
    return {};
  }

  Result<void> take_files() {
    const fs::path boot = package() / "boot";
    const fs::path image = boot / ("vmlinuz-" + release_);
    CG_TRY(file, MappedFile::open(image));
    if (kernel_form(file.bytes()) != KernelForm::bz_image) return lacks("its kernel is no bzImage");
    CG_TRY(release, kernel_release(file.bytes(), image.string()));
    if (release != release_) return lacks(fmt::format("boot/vmlinuz-{} is Linux {}", release_, release));
    const auto payload = bzimage_payload(file.bytes());
    if (!payload) return lacks("its kernel is cut short");
    CG_TRY(vmlinux, unpack_whole(*payload, image.string(), largest_kernel));
    if (kernel_form(vmlinux) != KernelForm::vmlinux) return lacks("there is no ELF file in its kernel");
    CG_CHECK(write_file_atomically(named("vmlinux"), vmlinux));
    CG_CHECK(copy_file_atomically(image, named("vmlinuz"), 0644));
    std::error_code error;
    if (!fs::is_regular_file(boot / ("config-" + release_), error))
      return lacks(fmt::format("there is no boot/config-{} in it", release_));
    return copy_file_atomically(boot / ("config-" + release_), named("config"), 0644);
  }

  // With the configuration among them, where kcheck finds it in a guest.
  Result<void> take_modules() {
    std::error_code error;
    for (const char* above : {"lib", "usr/lib"}) {
      const fs::path from = package() / above / "modules" / release_;
      if (!fs::is_directory(from, error)) continue;
      const fs::path to = kept_ / modules();
      CG_CHECK(make_directories(to.parent_path()));
      fs::rename(from, to, error);
      if (error) return cannot(fmt::format("{}: {}", to.string(), error.message()));
      CG_CHECK(copy_file_atomically(named("config"), to / "config", 0644));
      if (!find_program("depmod"))
        return cannot(
            "kernel modules need depmod (package kmod), which is not on PATH; 'make deps' installs it");
      CG_CHECK(run_checked({"depmod", "-b", kept_.string(), release_}));
      return {};
    }
    return lacks(fmt::format("there are no modules of Linux {} in it", release_));
  }

  std::string modules() const { return "lib/modules/" + release_; }

  Result<KernelManifest> manifest() const {
    CG_TRY(text, read_file(named("config")));
    CG_TRY(config, parse_config(std::move(text), named("config").string()));
    std::string compiler(config.value("CC_VERSION_TEXT"));
    std::erase(compiler, '"');
    KernelManifest manifest{
        .recipe = plan_.recipe,
        .version = release_,
        .config_version = package_.version,
        .architecture = plan_.architecture.name,
        .source_sha256 = package_.sha256,
        .source_origin = fmt::format("apt package {} {}", package_.package, package_.version),
        .compiler = std::move(compiler),
        .digest = plan_.digest,
        .built_by = built_by,
        .modules = modules()};
    for (const char* name : {"vmlinux", "vmlinuz", "config"}) {
      CG_TRY(file, describe_file(named(name)));
      manifest.files.push_back(std::move(file));
    }
    return manifest;
  }

  const DistributionPlan& plan_;
  const FetchedPackage package_;
  const fs::path& kept_;
  std::string release_;
};

}  // namespace

Result<DistributionPlan> plan_distribution(const KernelRecipe& recipe, const std::string& architecture) {
  CG_TRY(package, package_for(recipe, architecture));
  CG_TRY(found, find_architecture(architecture));
  const std::string digest =
      sha256_hex("criu-guest distribution kernel 1\n" + recipe.text + "\n" + architecture + "\n");
  return DistributionPlan{recipe.name, std::move(package), std::move(found), digest};
}

Result<KernelManifest> take_distribution(const DistributionPlan& plan, const FetchOptions& options,
                                         const fs::path& kept) {
  const auto begin = std::chrono::steady_clock::now();
  auto package = fetch_dependency(plan.package, "linux-image-", options);
  if (!package)
    return std::unexpected(Error{
        package.error().kind, fmt::format("kernel {} is a package of Debian's, and it could not be had: {}\n"
                                          "`kernel-builder list` has the kernels that are built from source",
                                          plan.recipe, package.error().message)});
  std::error_code error;
  fs::remove_all(kept, error);  // what an interrupted run left
  remove_when_interrupted(kept);
  CG_CHECK(make_directories(kept));
  const Watch watch("unpacking " + package->path.filename().string(), options.progress, options.terminal);
  CG_TRY(manifest, Taking(plan, std::move(*package), kept).run());
  fs::remove_all(kept / "package", error);
  fs::remove(kept / ".package.lock", error);
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CG_CHECK(write_manifest(kept / "kernel.json", manifest));
  forget_when_interrupted(kept);
  return manifest;
}

}  // namespace cg
