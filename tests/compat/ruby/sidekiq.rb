# frozen_string_literal: true

# Sidekiq as an application: its own program carries out jobs; ../doc.go tells how.
#
#	sidekiq.rb resp2 PORT
require 'sidekiq'
require 'sidekiq/api'

PORT = ENV['COMPAT_PORT'] || ARGV.fetch(1)
RESULTS = 'sidekiq-compat:results'

options = { url: "redis://127.0.0.1:#{PORT}/0" }
Sidekiq.configure_client { |config| config.redis = options }
Sidekiq.configure_server do |config|
  config.redis = options
  config.options[:poll_interval_average] = 0.1 # s between looks at what is due
  config.options[:timeout] = 2
end

class Add
  include Sidekiq::Worker

  def perform(a, b) = Sidekiq.redis { |c| c.rpush(RESULTS, a + b) }
end

class Retried
  include Sidekiq::Worker
  sidekiq_options retry: 1

  def perform(n)
    raise 'as it should' if Sidekiq.redis { |c| c.incr('sidekiq-compat:tries') } == 1

    Sidekiq.redis { |c| c.rpush(RESULTS, n) }
  end
end

return if ENV['COMPAT_PORT'] # loaded by Sidekiq's program

require_relative 'report'

def results(n)
  Array.new(n) { Sidekiq.redis { |c| c.blpop(RESULTS, timeout: 10) }&.last.to_i }.sort
end

def eventually(what, limit = 10)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit
  until yield
    raise "in vain: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

    sleep(0.01)
  end
end

STEPS = {
  '50 jobs' => lambda { |_|
    50.times { |i| Add.perform_async(i, i) }
    same(Array.new(50) { |i| 2 * i }, results(50), 'results')
  },
  'in bulk' => lambda { |_|
    Sidekiq::Client.push_bulk('class' => Add, 'args' => Array.new(20) { |i| [i, 1] })
    same((1..20).to_a, results(20), 'results')
  },
  'later' => lambda { |_|
    Add.perform_in(0.2, 3, 4)
    same([7], results(1), 'results')
  },
  'a retry' => lambda { |_|
    Retried.perform_async(5)
    eventually('it failed') { Sidekiq::RetrySet.new.size == 1 }
    Sidekiq::RetrySet.new.each(&:retry) # by itself it would wait for up to 10 s
    same([5], results(1), 'results')
  },
  'sets' => lambda { |_|
    Add.perform_in(1000, 1, 2)
    same(1, Sidekiq::ScheduledSet.new.size, 'scheduled')
    Sidekiq::ScheduledSet.new.clear
    same(0, Sidekiq::RetrySet.new.size, 'to be tried again')
    same(0, Sidekiq::Queue.new.size, 'in the queue')
  },
  'scan of a set' => lambda { |_|
    5.times { |i| Add.perform_in(1000 + i, i, i) }
    same(5, Sidekiq::ScheduledSet.new.scan('Add').to_a.size, 'found')
    Sidekiq::ScheduledSet.new.clear
  },
  'statistics' => lambda { |_|
    eventually('73 jobs are counted') { Sidekiq::Stats.new.processed >= 73 }
    eventually('the process is there') { Sidekiq::ProcessSet.new.size == 1 }
  },
  'the program ends' => lambda { |pid|
    Sidekiq::ProcessSet.new.each(&:stop!)
    eventually('it ends', 20) { Process.waitpid(pid, Process::WNOHANG) }
    same(true, $?.success?, 'status')
    eventually('it says so') { Sidekiq::ProcessSet.new.size.zero? }
  }
}.freeze

run(Sidekiq::VERSION, STEPS) do
  pid = spawn({ 'COMPAT_PORT' => PORT }, 'sidekiq', '-r', File.expand_path(__FILE__), '-c', '4', out: File::NULL)
  begin
    Add.perform_async(1, 2)
    same([3], results(1), 'result')
  rescue StandardError
    Process.kill('TERM', pid)
    raise
  end
  pid
end
