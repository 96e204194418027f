#include "image/image_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <set>

#include "base/digits.h"
#include "base/io/mapped_file.h"
#include "base/text.h"
#include "criu/coverage.h"
#include "criu/judge.h"
#include "criu/versions.h"
#include "image/image_programs.h"
#include "image/reader.h"
#include "kconfig/input.h"
#include "kernel/release.h"
#include "programs/find_program.h"
#include "programs/image_tree.h"
#include "programs/loader.h"

namespace cg {
namespace {

using image::ImageReader;

// Whether a kernel of that release can be of that version. Debian names a series and its own count,
// "6.1.0-56-amd64", whatever the version is.
bool names_version(const std::string& release, const Version& version) {
  const auto named = leading_version(release);
  if (!named || *named == version) return named.has_value();
  const std::string series = fmt::format("{}.{}.0-", version.number[0], version.number[1]);
  return release.starts_with(series) && release.size() > series.size() && is_digit(release[series.size()]);
}

// One image under check: each look adds its findings.
class ImageCheck {
 public:
  ImageCheck(const ImageReader& image, std::set<std::string> features)
      : image_(image), tree_(image), loader_(tree_), features_(std::move(features)) {}

  void look_for_interrupted_edit();
  std::optional<Program> look_for_criu(const std::optional<Version>& asked);
  void look_for_helpers();
  void look_for_places();
  void look_for_modules(const std::string& release);
  // The modules below /lib/modules/RELEASE, by their names in the kernel.
  std::set<std::string, std::less<>> modules_of(const std::string& release) const;

  // Mounted beside a base: what it brings is looked for here first, and judged for the base's machine.
  void be_extension_of(const ImageCheck& base) { base_machine_ = base.machine_of_system(); }
  std::string machine_of_system() const;  // "" when nothing in the image tells
  bool has(std::string_view program) const { return find_program(tree_, program).has_value(); }
  // Drops the findings that `wanted` is false for.
  template <class Wanted>
  void keep_only(Wanted wanted) {
    std::erase_if(findings_, [&](const Finding& finding) { return !wanted(finding.id); });
  }

  // Without a root's directories and an init it is laid over one that has them.
  bool is_extension() const;
  // What is missing in an extension belongs to the image it is laid over.
  void leave_to_the_base();
  // The configuration of the kernel, from --config or from inside of it; nullopt: neither can be read, which
  // is a finding of its own.
  Result<std::optional<KernelConfig>> look_for_config(const ImageCommand& command,
                                                      const std::string& release);

  const std::optional<Version>& version_inside() const { return version_inside_; }
  const std::string& machine() const { return machine_; }  // of criu; "" when it is not known
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  Finding& add(std::string id, std::string title, std::string severity) {
    Finding finding;
    finding.id = "image." + std::move(id);
    finding.title = std::move(title);
    finding.required = !severity.starts_with("feature:") || features_.contains(severity.substr(8));
    finding.severity = std::move(severity);
    findings_.push_back(std::move(finding));
    return findings_.back();
  }
  void refuse(Finding& finding, std::string seen, std::string breaks, std::string fix) {
    finding.verdict = finding.required ? Verdict::fail : Verdict::warn;
    finding.seen = std::move(seen);
    finding.breaks = std::move(breaks);
    finding.fix = std::move(fix);
  }
  std::optional<Program> require_program(const std::string& id, const std::string& name,
                                         const std::string& severity, const std::string& breaks);
  void judge_criu_binary(const Program& criu, const std::optional<Version>& asked);
  void judge_criu_version(std::string_view bytes, const std::optional<Version>& asked);

  const ImageReader& image_;
  ImageTree tree_;
  Loader loader_;
  std::set<std::string> features_;
  std::optional<Version> version_inside_;
  std::string machine_;
  std::string base_machine_;  // of what an extension is mounted beside
  std::vector<Finding> findings_;
};

// What is looked into is what the image held before; a guest sees the file as it is.
void ImageCheck::look_for_interrupted_edit() {
  const std::string remark = image_.remark();
  if (remark.empty()) return;
  refuse(add("interrupted-edit", "no edit of the image was interrupted", "startup"), remark,
         "a guest that boots it sees a file system that is half changed",
         "any edit puts the old bytes back, 'rootfs-builder mkdir IMAGE /' for example");
}

std::optional<Program> ImageCheck::require_program(const std::string& id, const std::string& name,
                                                   const std::string& severity, const std::string& breaks) {
  Finding& finding = add(id, name, severity);
  auto program = find_program(tree_, name);
  if (!program) {
    refuse(finding, fmt::format("no executable {} in the directories of PATH", name), breaks,
           fmt::format("install {0} into the image (rootfs-builder inject {1} {0}:/usr/bin/{0})", name,
                       image_.name()));
    return std::nullopt;
  }
  finding.seen = program->path == program->target ? program->path
                                                  : fmt::format("{} -> {}", program->path, program->target);
  return program;
}

std::optional<Program> ImageCheck::look_for_criu(const std::optional<Version>& asked) {
  Finding& finding = add("criu", "criu", "startup");
  const auto criu = find_program(tree_, "criu");
  if (!criu) {
    refuse(finding, "no executable criu in the directories of PATH", "nothing can be dumped or restored",
           fmt::format("criu-builder build VERSION -o DIR, then rootfs-builder inject {} "
                       "DIR/criu-VERSION:/usr/sbin/criu:755",
                       image_.name()));
    return std::nullopt;
  }
  finding.seen = criu->path;
  judge_criu_binary(*criu, asked);
  return criu;
}

void ImageCheck::judge_criu_binary(const Program& criu, const std::optional<Version>& asked) {
  Finding& loader = add("criu-binary", "criu is a program that this image can load", "startup");
  const auto found = loader_.elf(criu.file);
  if (!found || !*found) {
    // A script that wraps the binary is legitimate, but nothing can be said about what it runs.
    loader.verdict = !found && found.error().kind == ErrorKind::cannot ? Verdict::fail : Verdict::unknown;
    loader.seen = found ? fmt::format("{}: not an ELF file", criu.path) : found.error().message;
    loader.fix = "put the binary itself at /usr/sbin/criu";
    return;
  }
  const ElfFile& elf = **found;
  machine_ = elf.machine;
  const auto bytes = image_.read(criu.path);
  if (bytes && !bytes->contains("Restoring FAILED")) {  // of criu/cr-restore.c, in every version
    refuse(loader, fmt::format("{} is a program, but no CRIU: none of its texts is inside", criu.path),
           "nothing can be dumped or restored", "put a criu there (criu-builder build VERSION)");
    return;
  }
  const auto closure = loader_.closure(criu.file);
  if (elf.is_static) {
    loader.seen = fmt::format("static, {}", elf.machine);
  } else if (closure && closure->good()) {
    loader.verdict = Verdict::warn;
    loader.seen = fmt::format("dynamic, needs {}", join(elf.needed, ", "));
    loader.fix = "a static criu (criu-builder) depends on nothing else in the image";
  } else if (is_extension()) {
    loader.verdict = Verdict::unknown;
    loader.seen = fmt::format("dynamic, needs {}, which the base image must have", join(elf.needed, ", "));
    loader.fix = "a static criu (criu-builder) depends on nothing in the base image";
  } else {
    const std::string why = closure ? fmt::format("{} {}", closure->objects[closure->problems[0].object].path,
                                                  closure->problems[0].message)
                                    : closure.error().message;
    refuse(loader, fmt::format("dynamic, and {}", why), "criu cannot be started",
           "take a static criu (criu-builder)");
  }
  Finding& machine = add("criu-machine", "criu is built for the machine of the image", "startup");
  if (!base_machine_.empty()) {
    machine.seen = fmt::format("criu: {}, the base image: {}", elf.machine, base_machine_);
    if (elf.machine != base_machine_)
      refuse(machine, machine.seen, "\"Exec format error\" when criu is started",
             "build criu for " + base_machine_);
  }
  for (const char* name : {"sh", "init", "busybox"}) {
    const auto other = find_program(tree_, name);
    const auto other_elf = other ? loader_.elf(other->file) : nullptr;
    if (!machine.seen.empty() || !other_elf || !*other_elf) continue;
    machine.seen = fmt::format("criu: {}, {}: {}", elf.machine, other->path, (*other_elf)->machine);
    if (elf.machine != (*other_elf)->machine)
      refuse(machine, machine.seen, "\"Exec format error\" when criu is started",
             "build criu for " + (*other_elf)->machine);
    break;
  }
  if (machine.seen.empty())
    machine.seen = fmt::format("criu: {}; nothing in the image to compare it with", elf.machine);
  judge_criu_version(bytes ? *bytes : "", asked);
}

std::string ImageCheck::machine_of_system() const {
  Loader loader(tree_);
  for (const char* name : {"sh", "init", "busybox"})
    if (const auto program = find_program(tree_, name))
      if (const auto elf = loader.elf(program->file); elf && *elf) return (*elf)->machine;
  return "";
}

void ImageCheck::judge_criu_version(std::string_view bytes, const std::optional<Version>& asked) {
  Finding& finding = add("criu-version", "criu is the version asked for", "startup");
  const auto inside = versions_in(bytes);
  if (inside.size() == 1) version_inside_ = inside.front();
  std::vector<std::string> names;
  for (const auto& version : inside) names.push_back(version.text());
  finding.seen =
      names.empty() ? "the binary names no known version" : "the binary names " + join(names, ", ");
  const bool has_asked = asked && (std::ranges::find(inside, *asked) != inside.end() ||
                                   // A linker may store "4.1" as the end of a longer string.
                                   (inside.empty() && bytes.contains(asked->text() + std::string(1, '\0'))));
  if (asked && !has_asked && !inside.empty()) {
    refuse(finding, finding.seen, fmt::format("the image runs another CRIU than {}", asked->text()),
           fmt::format("inject criu {} again: an older file is in the image", asked->text()));
  } else if ((asked && !has_asked) || (!asked && inside.empty())) {
    finding.verdict = Verdict::unknown;
    finding.required = false;
    finding.fix = "run criu --version in the guest";
  }
}

void ImageCheck::look_for_helpers() {
  const std::string tmpfs = "\"Can't dump tmpfs content\" for every container";
  if (const auto tar = require_program("tar", "tar", "dump", tmpfs)) {
    const auto bytes = image_.read(tar->path);
    Finding& finding = add("gnu-tar", "tar is GNU tar", "dump");
    finding.source = "v4.2:criu/filesystems.c:419";
    if (bytes && bytes->contains("GNU tar"))
      finding.seen = tar->path;
    else
      refuse(finding,
             fmt::format("{} is not GNU tar{}", tar->path,
                         tar->target.contains("busybox") ? " but busybox" : ""),
             tmpfs, "install GNU tar: busybox tar does not know the options that CRIU gives");
  }
  require_program("gzip", "gzip", "dump", tmpfs);
  const std::string addresses = "\"IP tool failed on addr save\" for every network namespace";
  if (const auto ip = require_program("ip", "ip", "feature:network-namespace", addresses)) {
    const auto bytes = image_.read(ip->path);
    Finding& finding = add("iproute2", "ip is that of iproute2", "feature:network-namespace");
    finding.source = "v4.2:criu/net.c:2099";
    if (bytes && bytes->contains("iproute2"))
      finding.seen = ip->path;
    else
      refuse(finding,
             fmt::format("{} is not iproute2's{}", ip->path,
                         ip->target.contains("busybox") ? " but busybox's" : ""),
             addresses, "install iproute2: busybox has an ip that cannot save addresses");
  }
  require_program("sh", "sh", "feature:action-scripts",
                  "action scripts and CRIU's iptables calls run through sh");
  Finding& lock =
      add("connection-lock", "iptables or nft, to lock TCP connections", "feature:tcp-established");
  for (const char* name : {"iptables", "nft"}) {
    const auto program = find_program(tree_, name);
    if (program && lock.seen.empty()) lock.seen = program->path;
  }
  if (lock.seen.empty())
    refuse(lock, "neither iptables nor nft is in the directories of PATH",
           "\"Iptables configuration failed\"",
           "install iptables, or dump with --tcp-close or --network-lock skip (3.19 and newer)");
  Finding& kcheck = add("kcheck", "kcheck, to check the guest from inside", "better-off");
  kcheck.required = false;
  if (const auto program = find_program(tree_, "kcheck"))
    kcheck.seen = program->path;
  else
    refuse(kcheck, "no kcheck in the directories of PATH", "",
           fmt::format("rootfs-builder inject {} kcheck:/usr/bin/kcheck:755", image_.name()));
}

void ImageCheck::look_for_places() {
  for (const auto& [path, severity, breaks] :
       {std::array<const char*, 3>{"/tmp", "startup",
                                   "\"Fail to make dir /tmp/.criu.move_mount_set_group.XXXXXX\""},
        std::array<const char*, 3>{"/proc", "startup", "nothing to mount /proc on"},
        std::array<const char*, 3>{"/dev", "startup", "nothing to mount devtmpfs on, and no /dev/null"},
        std::array<const char*, 3>{"/sys", "dump", "nothing to mount sysfs and the cgroups on"},
        std::array<const char*, 3>{"/run", "dump", "no place for sockets, locks and CRIU's cache"}}) {
    Finding& finding = add(fmt::format("directory{}", std::string(path).replace(0, 1, "-")),
                           fmt::format("the directory {}", path), severity);
    const auto place = image_.stat(path);
    if (place && place->meta.type == image::NodeType::directory)
      finding.seen = path;
    else
      refuse(finding, fmt::format("{} is not a directory", path), breaks,
             fmt::format("make the directory {}", path));
  }
  Finding& init = add("init", "an init that the kernel finds", "startup");
  const bool initrd =
      image_.place().content == image::ContentKind::initrd;  // there the kernel looks for this one only
  for (const char* path : {"/init", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh"}) {
    if (initrd && path != std::string_view("/init")) break;
    const auto file = image_.stat(path);
    if (!file || (file->meta.mode & 0111) == 0 || file->meta.type != image::NodeType::regular) continue;
    init.seen = path;
    break;
  }
  if (init.seen.empty())
    refuse(init, initrd ? "no /init" : "none of /sbin/init, /etc/init, /bin/init and /bin/sh",
           "\"No working init found\": the kernel panics",
           fmt::format("install an init, or a link {} to one", initrd ? "/init" : "/sbin/init"));
}

void ImageCheck::look_for_modules(const std::string& release) {
  const auto modules = image_.list("/lib/modules");
  Finding& finding = add("modules", "kernel modules fit the kernel", "better-off");
  finding.required = false;
  std::vector<std::string> others;
  for (const auto& item : modules ? *modules : std::vector<image::DirectoryItem>())
    others.push_back(item.name);
  if (others.empty() || std::ranges::find(others, release) != others.end())
    finding.seen = others.empty() ? "the image has no modules" : "/lib/modules/" + release;
  else
    refuse(finding, fmt::format("modules are for {}, the kernel is {}", join(others, ", "), release),
           "what is built as a module is not there", "install the kernel's own modules");
}

bool ImageCheck::is_extension() const {
  if (image_.place().content == image::ContentKind::initrd) return false;
  for (const char* path : {"/proc", "/sys", "/dev", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh"})
    if (image_.stat(path)) return false;
  return true;
}

void ImageCheck::leave_to_the_base() {
  for (Finding& finding : findings_) {
    if (finding.verdict == Verdict::pass || finding.id.starts_with("image.criu")) continue;
    finding.verdict = Verdict::not_applicable;
    finding.seen = "the base image's part: " + finding.seen;
  }
}

Result<std::optional<KernelConfig>> ImageCheck::look_for_config(const ImageCommand& command,
                                                                const std::string& release) {
  const bool given = !command.config.empty();
  auto input = load_config_input(given ? command.config : command.kernel);
  if (!input && given) return std::unexpected(input.error());
  Finding& finding = add("kernel-config", "the kernel's configuration can be judged", "startup");
  if (!input) {
    finding.verdict = Verdict::unknown;
    finding.seen = input.error().message;
    finding.fix =
        fmt::format("--config FILE: the .config that it was built from, such as /boot/config-{}", release);
    return std::nullopt;
  }
  finding.seen = fmt::format("{} ({}, {} symbols)", input->name, input->form, input->config.values.size());
  const auto version = leading_version(input->config.version);
  if (version && !release.empty() && !names_version(release, *version))
    refuse(finding,
           fmt::format("{} is of Linux {}, the kernel is {}", input->name, input->config.version, release),
           "what is judged is another kernel's", "give the .config that this kernel was built from");
  return std::move(input->config);
}

std::set<std::string, std::less<>> ImageCheck::modules_of(const std::string& release) const {
  std::set<std::string, std::less<>> names;
  std::vector<std::string> open = {"/lib/modules/" + release};
  while (!open.empty()) {
    const std::string directory = std::move(open.back());
    open.pop_back();
    const auto items = image_.list(directory);
    for (const auto& item : items ? *items : std::vector<image::DirectoryItem>()) {
      const std::string path = directory + "/" + item.name;
      const std::size_t end = item.name.find(".ko");  // .ko, .ko.xz, .ko.zst, ...
      if (item.info.meta.type == image::NodeType::directory) {
        open.push_back(path);
      } else if (end != std::string::npos) {
        std::string name = item.name.substr(0, end);
        std::ranges::replace(name, '-', '_');
        names.insert(std::move(name));
      }
    }
  }
  return names;
}

}  // namespace

Result<Report> check_image(const KcheckOptions& options, const ImageCommand& command, const Matrix& matrix) {
  std::optional<Version> asked;
  if (!options.criu.empty()) {
    CG_TRY(version, criu_versions().resolve(options.criu));
    asked = version;
  }
  CG_TRY(features, feature_set(options, matrix));
  std::string release;
  if (!command.kernel.empty()) {
    CG_TRY(kernel, MappedFile::open(command.kernel));
    CG_TRY(found, kernel_release(kernel.bytes(), command.kernel));
    release = std::move(found);
  }
  CG_TRY(reader, ImageReader::open(command.image));

  ImageCheck check(reader, features);
  check.look_for_interrupted_edit();
  // What is mounted beside the image brings a criu, and kcheck, in place of the image's own.
  std::optional<ImageReader> beside;
  std::optional<ImageCheck> extended;
  if (!command.extension.empty()) {
    CG_TRY(second, ImageReader::open(command.extension));
    beside.emplace(std::move(second));
    extended.emplace(*beside, features);
    if (!extended->is_extension())
      return refused(command.extension +
                     ": a root image of its own (it has an init or a root's directories), no extension");
    extended->be_extension_of(check);
    extended->look_for_interrupted_edit();
  }
  const bool brings_criu = extended && extended->has("criu");
  ImageCheck& holder = brings_criu ? *extended : check;
  const auto criu = holder.look_for_criu(asked);
  check.look_for_helpers();
  if (extended && extended->has("kcheck")) {
    extended->look_for_helpers();
    check.keep_only([](std::string_view id) { return id != "image.kcheck"; });
    extended->keep_only([](std::string_view id) {
      return id == "image.kcheck" || id == "image.interrupted-edit" || id.starts_with("image.criu");
    });
  }
  check.look_for_places();
  if (!release.empty()) check.look_for_modules(release);
  const bool extension = criu && check.is_extension();
  if (extension) check.leave_to_the_base();
  std::optional<KernelConfig> config;
  if (!command.kernel.empty() || !command.config.empty()) {
    CG_TRY(found, check.look_for_config(command, release));
    config = std::move(found);
  }
  if (release.empty() && config) release = config->version;
  const Version version = asked.value_or(holder.version_inside().value_or(criu_versions().preferred));

  Subject subject;
  subject.name = command.image;
  subject.findings = check.take();
  if (extended)
    for (auto& finding : extended->take()) {
      finding.seen = finding.seen.empty() ? command.extension : command.extension + ": " + finding.seen;
      subject.findings.push_back(std::move(finding));
    }
  std::vector<Finding> rows;
  if (!release.empty()) {
    // Without a configuration the matrix has only the kernel-CRIU windows to say.
    Evidence evidence;
    if (config) evidence.config = &*config;
    const auto modules = check.modules_of(release);
    if (!command.kernel.empty() && !extension)
      evidence.has_module = [&](std::string_view symbol) {
        const auto module = matrix.modules.find(symbol);
        return module != matrix.modules.end() && modules.contains(module->second);
      };
    evidence.kernel = leading_version(release);
    if (const auto exact = config ? leading_version(config->version) : std::nullopt;
        exact && names_version(release, *exact))
      evidence.kernel = exact;
    evidence.architecture =
        matrix_architecture(!holder.machine().empty() || !config ? holder.machine() : config->architecture,
                            config ? &*config : nullptr);
    rows = judge(matrix, Question{version, features}, evidence);
    if (config) subject.cure = cure_of(matrix, Question{version, features}, evidence);
  }
  respect_coverage(rows, version);  // what the image lacks it lacks for every version
  subject.findings.insert(subject.findings.end(), std::make_move_iterator(rows.begin()),
                          std::make_move_iterator(rows.end()));
  const auto info = reader.info();
  subject.verdict = overall_verdict(subject.findings);
  subject.headline = headline(subject.findings, version);
  if (extension)
    subject.headline +=
        ", as an extension image: what belongs to its base was not looked at (kcheck image BASE "
        "--extension " +
        command.image + " judges both)";
  subject.facts = {
      {"image", reader.place().content == image::ContentKind::initrd
                    ? fmt::format("{} (initrd, {} unpacked)", command.image, human_size(info.bytes))
                    : fmt::format("{} ({}, {} free)", command.image, human_size(info.bytes),
                                  human_size(info.free_blocks * info.block_size))}};
  if (extended) subject.facts.emplace_back("extension", command.extension);
  if (criu)
    subject.facts.emplace_back(
        "criu", fmt::format("{}{}{}", brings_criu ? "of the extension: " : "", criu->path,
                            holder.version_inside() ? " " + holder.version_inside()->text() : ""));
  if (!release.empty())
    subject.facts.emplace_back(
        "kernel", fmt::format("Linux {}{}", release, kernel_remark(matrix, leading_version(release))));
  return Report{"image", version.text(), {std::move(subject)}};
}

Command image_command(const KcheckOptions& options) {
  const auto command = std::make_shared<ImageCommand>();
  return {
      .name = "image",
      .help = "Check that a root image has what CRIU needs",
      .options = {{"IMAGE",
                   &command->image,
                   "ext4 or EROFS, raw, partitioned or as a Kata DAX disk, or an initrd",
                   {.required = true}},
                  {"--extension FILE", &command->extension,
                   "An extension image that Kata mounts beside it: judged as one with it"},
                  {"--kernel FILE", &command->kernel, "The kernel that will boot it: a bzImage or a vmlinux"},
                  {"--config FILE", &command->config,
                   "The .config that kernel was built from, when it does not carry it (IKCONFIG)"}},
      .examples = {{"kcheck image out/demo.img --kernel out/vmlinux.container", "before it is booted"},
                   {"kcheck image kata.img --extension criu.img",
                    "Kata's own image, and CRIU mounted beside it"}},
      .run = [command, &options](Context& context) -> Result<int> {
        CG_TRY(matrix, load_matrix(options));
        return deliver(check_image(options, *command, matrix), options, context.env);
      }};
}

}  // namespace cg
