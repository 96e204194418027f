// An image is a magic number or two and then records, each behind its length (images.rst of CRIU's
// documentation); the records are protobuf messages, of which a few numbers are read here.
#include "stored/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t magic_of_images = 0x54564319;
constexpr std::uint32_t magic_of_service = 0x55105940;
constexpr std::uint32_t magic_of_inventory = 0x58313116;
constexpr std::uint64_t most_image_bytes = 256ULL << 20;
constexpr std::uint64_t page_bytes = 4096;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The records of an image; nullopt with the reason in `flaw` where it is cut.
std::optional<std::vector<std::string_view>> records_of(std::string_view bytes, std::string& flaw) {
  if (bytes.size() < 4) {
    flaw = fmt::format("cut after {} bytes", bytes.size());
    return std::nullopt;
  }
  const std::uint32_t first = number_at(bytes, 0);
  std::size_t at = first == magic_of_inventory ? 4 : 8;
  if (first != magic_of_inventory && first != magic_of_images && first != magic_of_service) {
    flaw = "no image of CRIU";
    return std::nullopt;
  }
  std::vector<std::string_view> records;
  while (at < bytes.size()) {
    if (bytes.size() - at < 4 || bytes.size() - at - 4 < number_at(bytes, at)) {
      flaw = fmt::format("the record at byte {} is cut", at);
      return std::nullopt;
    }
    const std::size_t size = number_at(bytes, at);
    records.push_back(bytes.substr(at + 4, size));
    at += 4 + size;
  }
  if (records.empty()) {
    flaw = "no record is in it";
    return std::nullopt;
  }
  return records;
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// The numbers of a message by their fields, in order; `messages` gets what is embedded in it.
struct Message {
  std::multimap<std::uint32_t, std::uint64_t> numbers;
  std::multimap<std::uint32_t, std::string_view> messages;
  std::optional<std::uint64_t> number(std::uint32_t field) const {
    const auto found = numbers.find(field);
    return found == numbers.end() ? std::nullopt : std::optional(found->second);
  }
};
std::optional<Message> read_message(std::string_view bytes) {
  Message message;
  while (!bytes.empty()) {
    const auto key = take_varint(bytes);
    if (!key) return std::nullopt;
    const auto field = static_cast<std::uint32_t>(*key >> 3);
    std::size_t fixed = 0;
    switch (*key & 7) {
      case 0: {
        const auto value = take_varint(bytes);
        if (!value) return std::nullopt;
        message.numbers.emplace(field, *value);
        continue;
      }
      case 1:
        fixed = 8;
        break;
      case 5:
        fixed = 4;
        break;
      case 2: {
        const auto size = take_varint(bytes);
        if (!size || *size > bytes.size()) return std::nullopt;
        fixed = static_cast<std::size_t>(*size);
        message.messages.emplace(field, bytes.substr(0, fixed));
        break;
      }
      default:
        return std::nullopt;
    }
    if (bytes.size() < fixed) return std::nullopt;
    bytes.remove_prefix(fixed);
  }
  return message;
}

class Look {
 public:
  explicit Look(const fs::path& directory) : directory_(directory) {}
  Result<ImagesState> run();

 private:
  // The messages of an image; empty, with a flaw, where it is not whole.
  std::vector<Message> messages_of(const std::string& name);
  void look_at_tree();
  void look_at_memory(const std::string& name);
  void look_at_times();

  const fs::path& directory_;
  ImagesState state_;
  std::map<std::string, std::uint64_t> files_;
  std::map<std::uint64_t, std::uint64_t> pages_;  // bytes that the page maps ask of each pages image
};

std::vector<Message> Look::messages_of(const std::string& name) {
  std::vector<Message> messages;
  if (!files_.contains(name)) {
    state_.flaws.push_back(name + ": missing");
    return messages;
  }
  const auto bytes = read_file(directory_ / name, most_image_bytes);
  if (!bytes) {
    state_.flaws.push_back(bytes.error().message);
    return messages;
  }
  std::string flaw;
  const auto records = records_of(*bytes, flaw);
  for (std::size_t at = 0; records && at < records->size(); ++at) {
    auto message = read_message((*records)[at]);
    if (!message) {
      flaw = fmt::format("record {} is no message", at + 1);
      break;
    }
    message->messages.clear();  // they lie in `bytes`
    messages.push_back(std::move(*message));
  }
  if (!flaw.empty()) state_.flaws.push_back(name + ": " + flaw);
  return messages;
}

// pstree_entry: pid = 1, threads = 5; core_entry of a dead task: tc.task_state says so.
void Look::look_at_tree() {
  (void)messages_of("inventory.img");
  for (const auto& entry : messages_of("pstree.img")) {
    const auto pid = entry.number(1);
    if (!pid) continue;
    state_.pids.push_back(static_cast<int>(*pid));
    const auto [from, to] = entry.numbers.equal_range(5);
    std::vector<std::uint64_t> threads;
    for (auto at = from; at != to; ++at) threads.push_back(at->second);
    if (threads.empty()) threads.push_back(*pid);
    state_.threads += threads.size();
    for (const auto thread : threads) (void)messages_of(fmt::format("core-{}.img", thread));
    // A zombie has nothing but its core; whoever has memory has the rest.
    const bool lives = files_.contains(fmt::format("mm-{}.img", *pid)) ||
                       files_.contains(fmt::format("ids-{}.img", *pid)) ||
                       files_.contains(fmt::format("fs-{}.img", *pid));
    if (lives)
      for (const char* kind : {"mm", "ids", "fs", "pagemap"})
        if (const auto name = fmt::format("{}-{}.img", kind, *pid);
            kind != std::string_view("pagemap") || !files_.contains(name))
          (void)messages_of(name);
  }
  if (state_.pids.empty() && state_.flaws.empty())
    state_.flaws.emplace_back("pstree.img: no process is in it");
}

// pagemap_head: pages_id = 1; pagemap_entry: nr_pages = 2, in_parent = 3, flags = 4 (1: parent, 4: present).
void Look::look_at_memory(const std::string& name) {
  const auto messages = messages_of(name);
  if (messages.empty()) return;
  const auto id = messages.front().number(1);
  if (!id) return;
  std::uint64_t bytes = 0;
  for (std::size_t at = 1; at < messages.size(); ++at) {
    const auto flags = messages[at].number(4);
    const bool elsewhere = flags ? (*flags & 4) == 0 : messages[at].number(3).value_or(0) != 0;
    if (!elsewhere) bytes += messages[at].number(2).value_or(0) * page_bytes;
  }
  pages_[*id] += bytes;
}

// stats_entry: dump = 1; dump_stats_entry: frozen_time = 2, in microseconds.
void Look::look_at_times() {
  const auto bytes = read_file(directory_ / "stats-dump", 1 << 16);
  std::string flaw;
  const auto records = bytes ? records_of(*bytes, flaw) : std::nullopt;
  if (!records) return;
  const auto entry = read_message(records->front());
  const auto dump = entry ? entry->messages.find(1) : decltype(entry->messages.find(1))();
  if (!entry || dump == entry->messages.end()) return;
  if (const auto times = read_message(dump->second))
    state_.frozen_seconds = static_cast<double>(times->number(2).value_or(0)) / 1e6;
}

Result<ImagesState> Look::run() {
  std::error_code error;
  for (fs::directory_iterator entries(directory_, error), end; !error && entries != end;
       entries.increment(error)) {
    std::error_code none;
    if (!entries->is_regular_file(none) || entries->is_symlink(none)) continue;
    const std::uint64_t size = entries->file_size(none);
    const std::string name = entries->path().filename();
    state_.bytes += size;
    ++state_.files;
    files_[name] = size;
    if (name.starts_with("pages-")) state_.pages += size;
  }
  if (error) return cannot(directory_.string() + ": " + error.message());
  look_at_tree();
  if (!state_.flaws.empty()) return std::move(state_);
  if (std::ranges::none_of(files_, [](const auto& file) { return file.first == "files.img"; }))
    state_.flaws.emplace_back("files.img: missing");
  for (const auto& [name, size] : files_)
    if (name.starts_with("pagemap-") && name.ends_with(".img")) look_at_memory(name);
  // Compressed images (CRIU 4.3) are shorter than what they hold.
  const bool compressed =
      std::ranges::any_of(files_, [](const auto& file) { return file.first.starts_with("pages-comp"); });
  for (const auto& [id, bytes] : pages_) {
    const std::string name = fmt::format("pages-{}.img", id);
    const auto file = files_.find(name);
    if (bytes > 0 && file == files_.end())
      state_.flaws.push_back(name + ": missing");
    else if (!compressed && file != files_.end() && file->second < bytes)
      state_.flaws.push_back(
          fmt::format("{}: {} bytes, and the page maps ask for {}", name, file->second, bytes));
  }
  look_at_times();
  return std::move(state_);
}

}  // namespace

Result<ImagesState> look_at_checkpoint(const fs::path& directory) {
  return Look(directory).run();
}

}  // namespace cg::checkpoint
