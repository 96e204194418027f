#include "conversation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace cg {
namespace {

using guest::FrameType;
using guest::PayloadReader;
using guest::PayloadWriter;

constexpr std::size_t backlog_limit = 256 << 10;  // bytes waiting for a guest that is slow to take them

}  // namespace

Result<Conversation> Conversation::begin(const Request& request, std::ostream& out, std::ostream& err) {
  Conversation result(request, out, err);
  for (auto& put : result.request_.puts) {
    const std::string name = put.from.string();
    UniqueFd source(open(put.from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source) return cannot_errno(name, errno);
    struct stat info {};
    if (fstat(source.get(), &info) != 0) return cannot_errno(name, errno);
    if (!S_ISREG(info.st_mode)) return cannot(name + ": not a regular file; --put takes files");
    if (!put.mode) put.mode = info.st_mode & 07777;
    result.sources_.push_back(std::move(source));
  }
  return result;
}

Result<void> Conversation::receive(std::string_view bytes) {
  decoder_.feed(bytes);
  while (auto frame = decoder_.next()) CG_CHECK(handle(*frame));
  if (!decoder_.broken().empty()) return cannot("the guest sent " + decoder_.broken());
  return {};
}

Result<void> Conversation::unexpected(const guest::Frame& frame) const {
  return cannot(fmt::format("the guest broke the protocol (frame {} in stage {})",
                            static_cast<int>(frame.type), static_cast<int>(stage_)));
}

Result<void> Conversation::pass_on(std::ostream& stream, std::string_view bytes, const char* name) {
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.flush();
  if (!stream) return cannot(fmt::format("writing {} failed", name));
  return {};
}

Result<void> Conversation::handle(const guest::Frame& frame) {
  if (frame.type == FrameType::fatal) return cannot(frame.payload);
  switch (stage_) {
    case Stage::booting:
      if (frame.type != FrameType::hello) return unexpected(frame);
      stage_ = Stage::starting;
      return {};
    case Stage::starting:
      if (frame.type == FrameType::waiting) {
        waiting_for_ = frame.payload;
        return {};
      }
      if (frame.type != FrameType::ready) return unexpected(frame);
      stage_ = Stage::putting;
      next_put();
      return {};
    case Stage::putting:
      if (frame.type == FrameType::error) return cannot("--put: " + frame.payload);
      if (frame.type != FrameType::done || !source_ended_) return unexpected(frame);
      ++put_;
      next_put();
      return {};
    case Stage::running:
      if (frame.type == FrameType::started && !started_) {
        started_ = true;
        input_open_ = request_.has_input;
        if (!input_open_) send(FrameType::stdin_end);
        return {};
      }
      if (frame.type == FrameType::stdout_data && started_)
        return pass_on(*out_, frame.payload, "standard output");
      if (frame.type == FrameType::stderr_data && started_)
        return pass_on(*err_, frame.payload, "standard error");
      if (frame.type == FrameType::exited || frame.type == FrameType::not_run) {
        PayloadReader fields(frame.payload);
        const auto status = static_cast<int>(fields.u32());
        if (frame.type == FrameType::exited) {
          const auto signal = static_cast<int>(fields.u32());
          status_ = signal != 0 ? 128 + signal : status;
        } else {
          status_ = status;
          complaints_.push_back(fields.string());
        }
        if (!fields.complete() || status_ < 0 || status_ > 255) return unexpected(frame);
        stage_ = Stage::getting;
        input_open_ = false;
        next_get();
        return {};
      }
      return unexpected(frame);
    case Stage::getting:
      return handle_get(frame);
    case Stage::powering_off:
      if (frame.type != FrameType::done) return unexpected(frame);
      stage_ = Stage::finished;
      return {};
    case Stage::finished:
      break;
  }
  return unexpected(frame);
}

void Conversation::next_put() {
  source_ended_ = false;
  if (put_ < request_.puts.size()) {
    const auto& put = request_.puts[put_];
    send(FrameType::put_begin, PayloadWriter().string(put.to).u32(*put.mode).bytes());
    return;
  }
  stage_ = Stage::running;
  send(FrameType::run, PayloadWriter().strings(request_.argv).strings(request_.environment).bytes());
}

Result<void> Conversation::continue_sending() {
  if (stage_ != Stage::putting || source_ended_) return {};
  std::string chunk(guest::chunk_size, '\0');
  while (outgoing_.size() < backlog_limit) {
    const ssize_t got = read(sources_[put_].get(), chunk.data(), chunk.size());
    if (got < 0) return cannot_errno(request_.puts[put_].from.string(), errno);
    if (got == 0) {
      send(FrameType::put_end);
      source_ended_ = true;
      return {};
    }
    send(FrameType::put_data, std::string_view(chunk).substr(0, static_cast<std::size_t>(got)));
  }
  return {};
}

void Conversation::next_get() {
  if (get_ < request_.gets.size()) {
    send(FrameType::get, request_.gets[get_].from);
  } else if (request_.orderly_power_off) {
    stage_ = Stage::powering_off;
    send(FrameType::power_off);
  } else {
    stage_ = Stage::finished;
  }
}

Result<void> Conversation::handle_get(const guest::Frame& frame) {
  const auto& get = request_.gets[get_];
  if (frame.type == FrameType::file_begin && !target_) {
    PayloadReader fields(frame.payload);
    const unsigned mode = fields.u32() & 0777;  // a set-user-id bit of a guest means nothing here
    fields.u64();
    if (!fields.complete()) return unexpected(frame);
    CG_TRY(file, AtomicFile::create(get.to, mode));
    target_.emplace(std::move(file));
    return {};
  }
  if (frame.type == FrameType::file_data && target_) return target_->write(frame.payload);
  if (frame.type == FrameType::done && target_) {
    CG_CHECK(target_->commit());
  } else if (frame.type == FrameType::error) {
    complaints_.push_back("--get: " + frame.payload);
    lost_a_file_ = true;
  } else {
    return unexpected(frame);
  }
  target_.reset();
  ++get_;
  next_get();
  return {};
}

bool Conversation::takes_input() const {
  return input_open_ && outgoing_.size() < backlog_limit;
}

void Conversation::input(std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), guest::chunk_size)))
    send(FrameType::stdin_data, bytes.substr(0, guest::chunk_size));
}

void Conversation::input_ended() {
  input_open_ = false;
  send(FrameType::stdin_end);
}

}  // namespace cg
