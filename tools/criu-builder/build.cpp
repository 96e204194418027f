#include "build.h"

#include <fmt/format.h>

#include <chrono>
#include <ostream>
#include <system_error>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/host.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/toml/toml.h"
#include "elf/elf.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

class Build {
 public:
  Build(const CriuPlan& plan, const fs::path& archive, const BuildOutput& output)
      : plan_(plan), archive_(archive), output_(output) {}

  Result<CriuResult> run_steps();

 private:
  Result<void> unpack_source();
  Result<void> edit();
  Result<void> hide_libraries();
  Result<void> make();
  Result<void> split();
  Result<CriuResult> record(double seconds);

  void say(std::string_view text) {
    if (output_.messages) *output_.messages << text << std::endl;
  }

  const CriuPlan& plan_;
  const fs::path& archive_;
  const BuildOutput& output_;
};

// A tree that an interrupted run left may hold half-written objects that look up to date; ccache makes
// starting over cheap.
Result<void> Build::unpack_source() {
  std::error_code error;
  fs::remove_all(plan_.directory, error);
  remove_when_interrupted(plan_.directory);
  CG_CHECK(make_directories(plan_.directory));
  say(fmt::format("unpacking {}", archive_.filename().string()));
  CG_CHECK(unpack(archive_, plan_.tree, 1, OutsideLinks::keep));
  if (!fs::is_regular_file(plan_.tree / "Makefile.versions"))
    return refused(archive_.string() + ": not a CRIU source tree (no Makefile.versions in it)");
  return {};
}

Result<void> Build::edit() {
  const std::size_t count = plan_.recipe.renamings.size() + plan_.recipe.replacements.size();
  if (count > 0) say(fmt::format("making {} changes that the recipe asks for", count));
  return apply_edits(plan_.recipe, plan_.tree);
}

Result<void> Build::hide_libraries() {
  const fs::path directory = plan_.directory / "pkgconfig";
  CG_CHECK(make_directories(directory));
  for (const auto& file : plan_.host.pkg_config)
    CG_CHECK(copy_file_atomically(file, directory / file.filename(), 0644));
  return {};
}

Result<void> Build::make() {
  UniqueFd log;
  CG_TRY(file, AtomicFile::create(plan_.log));
  CG_CHECK(file.write(join(plan_.make, " ") + "\n"));
  CG_CHECK(file.commit());
  say(fmt::format("compiling CRIU {}; log: {}", plan_.version(), plan_.log.string()));
  ProcessOptions options{
      .directory = plan_.tree, .set_variables = plan_.variables, .unset_variables = plan_.unset_variables};
  std::string text;
  auto shown = Clock::now();
  options.on_output = [&](std::string_view piece) {
    text += piece;
    if (!output_.messages) return;
    if (output_.compiler_output) {
      *output_.messages << piece << std::flush;
    } else if (output_.terminal && Clock::now() - shown > std::chrono::milliseconds(100)) {
      shown = Clock::now();
      const auto lines = split_lines(piece);
      if (!lines.empty()) *output_.messages << "\r\x1b[K" << lines.back().substr(0, 70) << std::flush;
    }
  };
  auto result = run(plan_.make, options);
  if (output_.messages && output_.terminal && !output_.compiler_output)
    *output_.messages << "\r\x1b[K" << std::flush;
  CG_CHECK(write_file_atomically(plan_.log, join(plan_.make, " ") + "\n" + text));
  if (!result) return std::unexpected(result.error());
  if (result->status != 0)
    return cannot(fmt::format("compiling CRIU {} failed (make: exit status {}); the log is {}; its end:\n{}",
                              plan_.version(), result->status, plan_.log.string(), last_lines(text, 20)));
  return {};
}

// The program keeps its build id and the name of its debug file, so that gdb and eu-addr2line find it.
Result<void> Build::split() {
  const fs::path linked = plan_.tree / "criu" / "criu";
  if (!fs::is_regular_file(linked)) return cannot("make left no " + linked.string());
  const fs::path debug = plan_.directory / plan_.debug_name();
  const fs::path binary = plan_.directory / plan_.binary_name();
  CG_CHECK(run_checked({"objcopy", "--only-keep-debug", linked.string(), debug.string()}));
  CG_CHECK(run_checked({"objcopy", "--strip-all", "--add-gnu-debuglink=" + plan_.debug_name(),
                        linked.string(), binary.string()},
                       {.directory = plan_.directory}));
  std::error_code error;
  fs::permissions(binary, static_cast<fs::perms>(0755), error);
  if (!error) fs::permissions(debug, static_cast<fs::perms>(0644), error);
  if (error) return cannot(binary.string() + ": " + error.message());
  return {};
}

Result<CriuResult> Build::record(double seconds) {
  CriuResult result{.binary = plan_.directory / plan_.binary_name(),
                    .debug = plan_.directory / plan_.debug_name()};
  CG_TRY(elf, read_elf(result.binary));
  CG_TRY(sum, sha256_file(result.binary));
  CG_TRY(debug_sum, sha256_file(result.debug));
  CG_CHECK(write_file_atomically(
      plan_.directory / "result.toml",
      fmt::format(
          "version = \"{}\"\ndigest = \"{}\"\nsource = \"{}\"\nsha256 = \"{}\"\ndebug_sha256 = \"{}\"\n"
          "build_id = \"{}\"\nmachine = \"{}\"\nseconds = \"{:.1f}\"\n",
          plan_.version(), plan_.digest, plan_.source_sha256, sum, debug_sum, elf.build_id, elf.machine,
          seconds)));
  std::error_code ignored;  // the tree is large and served its purpose
  fs::remove_all(plan_.tree, ignored);
  fs::remove_all(plan_.directory / "pkgconfig", ignored);
  fs::remove(plan_.directory / ".src.lock", ignored);
  forget_when_interrupted(plan_.directory);
  auto built = find_built(plan_);
  if (!built) return cannot(plan_.directory.string() + ": what was just built is not readable");
  return *built;
}

Result<CriuResult> Build::run_steps() {
  const auto started = Clock::now();
  CG_CHECK(unpack_source());
  CG_CHECK(edit());
  CG_CHECK(hide_libraries());
  CG_CHECK(make());
  CG_CHECK(split());
  CG_CHECK(check_binary(plan_.directory / plan_.binary_name(), plan_.version(), plan_.host.machine));
  return record(std::chrono::duration<double>(Clock::now() - started).count());
}

}  // namespace

std::optional<CriuResult> find_built(const CriuPlan& plan) {
  const fs::path file = plan.directory / "result.toml";
  const auto document = load_toml(file);
  if (!document) return std::nullopt;
  TomlReader reader(document->root(), file.string());
  CriuResult result{.binary = plan.directory / plan.binary_name(),
                    .debug = plan.directory / plan.debug_name()};
  result.sha256 = reader.required_string("sha256");
  result.debug_sha256 = reader.required_string("debug_sha256");
  result.build_id = reader.string("build_id");
  result.machine = reader.required_string("machine");
  result.seconds = std::atof(reader.required_string("seconds").c_str());
  if (!reader.error() || reader.required_string("digest") != plan.digest) return std::nullopt;
  if (sha256_file(result.binary).value_or("") != result.sha256) return std::nullopt;
  if (sha256_file(result.debug).value_or("") != result.debug_sha256) return std::nullopt;
  std::error_code error;
  result.size = fs::file_size(result.binary, error);
  return result;
}

Result<CriuResult> build_criu(const CriuPlan& plan, const fs::path& archive, const BuildOutput& output) {
  CG_TRY(lock, FileLock::acquire(plan.directory.string() + ".lock", [&](const std::string& line) {
           if (output.messages) *output.messages << line << std::endl;
         }));
  if (auto built = find_built(plan)) return *built;  // another process was first
  return Build(plan, archive, output).run_steps();
}

Result<void> check_binary(const fs::path& binary, const std::string& version, const std::string& machine) {
  CG_TRY(elf, read_elf(binary));
  const auto wrong = [&](const std::string& what) {
    return refused(fmt::format("{}: {}", binary.string(), what));
  };
  if (!machine.starts_with(elf.machine + "-") && machine != elf.machine)
    return wrong(fmt::format("is for {}, the compiler builds for {}", elf.machine, machine));
  if (elf.type != ElfType::executable && elf.type != ElfType::shared) return wrong("is not a program");
  if (!elf.interp.empty()) return wrong("is not static: it asks for the loader " + elf.interp);
  if (!elf.needed.empty()) return wrong("is not static: it needs " + join(elf.needed, ", "));
  if (elf.machine != host_machine()) return {};
  CG_TRY(result, run({binary.string(), "--version"}, {.timeout = std::chrono::seconds(20)}));
  const std::string wanted = "Version: " + version;
  for (const auto line : split_lines(result.out))
    if (trim(line) == wanted && result.status == 0) return {};
  return wrong(fmt::format("--version: exit status {}, \"{}\"; \"{}\" was expected", result.status,
                           trim(result.out.substr(0, 200)), wanted));
}

}  // namespace cg
