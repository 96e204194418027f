// A checkout of its own for what only works on a commit: what `make release` reads of this one, committed.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/process.h"
#include "temporary_directory.h"

namespace cg {

class ScratchCheckout {
 public:
  ScratchCheckout() {
    namespace fs = std::filesystem;
    for (const char* name :
         {".gitignore", "CMakeLists.txt", "LICENSE", "Makefile", "kconfig", "recipes", "scripts"})
      fs::copy(fs::path(CG_SOURCE_DIR) / name, path() / name,
               fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "all", "--date", "2026-01-02T03:04:05Z"}})
      fault_ += git(words);
  }

  const std::filesystem::path& path() const { return directory_.path(); }
  std::filesystem::path release(const std::string& version) const { return path() / "out/release" / version; }
  const std::string& fault() const { return fault_; }

  // A build tree that installs stand-ins of a line each: a release of it takes a second.
  std::string small_build() const {
    const auto source = path() / "out/small";  // which git does not see
    std::filesystem::create_directories(source);
    std::ofstream(source / "tool") << "#!/bin/sh\necho \"stand-in $*\"\n";
    std::ofstream(source / "CMakeLists.txt")
        << "cmake_minimum_required(VERSION 3.25)\nproject(small NONE)\n"
           "set(CMAKE_CXX_COMPILER cc CACHE STRING \"\")\n"
           "foreach(tool kcheck kernel-builder criu-builder rootfs-builder guest-run guest-checkpoint)\n"
           "  install(PROGRAMS tool DESTINATION bin RENAME ${tool})\nendforeach()\n"
           "install(DIRECTORY "
        << (path() / "recipes").string() << " DESTINATION share/criu-guest)\n";
    const auto result =
        run({"cmake", "-S", source.string(), "-B", (source / "build").string()}, {.directory = source});
    return result && result->status == 0 ? (source / "build").string() : "";
  }

  // scripts/NAME with these variables.
  ProcessResult script(const std::string& name, std::map<std::string, std::string> variables,
                       const std::vector<std::string>& words = {}) const {
    std::vector<std::string> call = {(path() / "scripts" / name).string()};
    call.insert(call.end(), words.begin(), words.end());
    variables.insert({{"BUILD", CG_BINARY_DIR}, {"OUT", (path() / "out").string()}, {"MAKE", "make"}});
    ProcessOptions options{
        .directory = path(), .set_variables = variables, .timeout = std::chrono::minutes(20)};
    for (const char* name : {"VERSION", "KEY", "PUBKEY", "PARTS", "AGENT", "SOURCE_DATE_EPOCH", "MAKEFLAGS"})
      if (!variables.contains(name)) options.unset_variables.emplace_back(name);
    const auto result = run(call, options);
    return result ? *result : ProcessResult{.status = 255, .err = result.error().message};
  }

 private:
  std::string git(std::vector<std::string> words) const {
    words.insert(words.begin(), {"git", "-C", path().string(), "-c", "user.name=tests", "-c",
                                 "user.email=tests@localhost", "-c", "commit.gpgsign=false"});
    const auto result = run(words, {.set_variables = {{"GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z"}}});
    return result ? (result->status == 0 ? "" : result->err) : result.error().message;
  }

  const TemporaryDirectory directory_;
  std::string fault_;
};

}  // namespace cg
