// ELF files made for a test by the machine's own compiler, of nothing but what the test asks for.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/process.h"
#include "temporary_directory.h"

namespace cg {

class Compiler {
 public:
  // A shared object at `path`, without the C library; `more` are options of gcc. Directories are made.
  void library(const std::filesystem::path& path, const std::string& soname,
               std::vector<std::string> more = {}, const std::string& source = "void unused(void) {}\n") {
    more.insert(more.begin(), {"-shared", "-fPIC", "-nostdlib", "-Wl,--no-as-needed"});
    if (!soname.empty()) more.push_back("-Wl,-soname," + soname);
    compile(path, std::move(more), source);
  }
  // A program with a loader, without the C library.
  void program(const std::filesystem::path& path, std::vector<std::string> more = {},
               const std::string& source = "void _start(void) {}\n") {
    more.insert(more.begin(), {"-fPIE", "-pie", "-nostdlib", "-Wl,--no-as-needed"});
    compile(path, std::move(more), source);
  }
  void compile(const std::filesystem::path& path, std::vector<std::string> more, const std::string& source) {
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
    const std::filesystem::path text = scratch_.path() / "source.c";
    std::ofstream(text) << source;
    std::vector<std::string> argv = {"gcc", "-o", path.string(), text.string()};
    argv.insert(argv.end(), more.begin(), more.end());
    const auto done = run_checked(argv);
    ASSERT_TRUE(done) << done.error().message;
  }
  // For -Wl,--version-script=…
  std::string version_script(const std::string& text) {
    const std::filesystem::path path = scratch_.path() / ("versions" + std::to_string(++scripts_));
    std::ofstream(path) << text;
    return "-Wl,--version-script=" + path.string();
  }
  // Makes an ELF file say that it is for another machine.
  static void change_machine(const std::filesystem::path& path, char machine) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(18);
    file.put(machine);
    file.put(0);
  }

 private:
  TemporaryDirectory scratch_;
  int scripts_ = 0;
};

}  // namespace cg
