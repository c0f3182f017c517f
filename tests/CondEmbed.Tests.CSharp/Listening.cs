using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace CondEmbed.Tests.CSharp;

/// <summary>Listens to the spans and numbers of one name until it is disposed of.</summary>
public sealed class Listening : IDisposable
{
    private readonly ActivityListener spans;
    private readonly MeterListener numbers = new();
    private readonly ConcurrentQueue<(string Name, double Value)> measured = new();
    private readonly ConcurrentQueue<string> ended = new();

    /// <summary>Begins to listen.</summary>
    public Listening(string name)
    {
        spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name == name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span => ended.Enqueue($"{span.Parent?.DisplayName}/{span.DisplayName} {span.Status}"),
        };
        ActivitySource.AddActivityListener(spans);
        numbers.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == name)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        numbers.SetMeasurementEventCallback<double>((instrument, value, _, _) => measured.Enqueue((instrument.Name, value)));
        numbers.SetMeasurementEventCallback<long>((instrument, value, _, _) => measured.Enqueue((instrument.Name, value)));
        numbers.Start();
    }

    /// <summary>The spans that ended: parent, name, status.</summary>
    public IReadOnlyList<string> Spans => [.. ended];

    /// <summary>How often a number was measured.</summary>
    public int CountOf(string instrument) => measured.Count(one => one.Name == instrument);

    /// <summary>The sum of a number.</summary>
    public double SumOf(string instrument) => measured.Where(one => one.Name == instrument).Sum(one => one.Value);

    /// <inheritdoc/>
    public void Dispose()
    {
        spans.Dispose();
        numbers.Dispose();
    }
}

/// <summary>Keeps what is logged.</summary>
public sealed class KeptLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    /// <summary>Category, level and text of each.</summary>
    public IReadOnlyList<string> Lines => [.. lines];

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => categoryName == "CondEmbed" ? this : Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => true;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue($"{logLevel}: {formatter(state, exception)}");

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
