using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using CondEmbed.Common;

namespace CondEmbed.Sample.Service;

/// <summary>The sums of what CondEmbed measures, as OpenTelemetry or any other listener would get it.</summary>
internal sealed class Numbers : IDisposable
{
    private readonly ConcurrentDictionary<string, double> sums = new();
    private readonly MeterListener listener = new()
    {
        InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.Name)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        },
    };

    public Numbers()
    {
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.Start();
    }

    /// <summary>The sum under each name.</summary>
    public IReadOnlyDictionary<string, double> All => sums;

    public void Dispose() => listener.Dispose();

    private void Add(string name, double value) => sums.AddOrUpdate(name, value, (_, sum) => sum + value);
}
