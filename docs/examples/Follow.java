import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Follows the changes and prints each as a line: java -cp "libs/*" Follow.java [BOOTSTRAP_SERVERS]. */
public class Follow {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", arguments.length > 0 ? arguments[0] : "localhost:9092",
                "group.id", "follow",
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest",
                "enable.auto.commit", "false");
        var json = new ObjectMapper();
        var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        var main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                main.join(5000);
            } catch (InterruptedException ignored) {
                // the process ends anyway
            }
        }));
        try (consumer) {
            consumer.subscribe(List.of("agent-status-changed"));
            while (true) {
                var records = consumer.poll(Duration.ofSeconds(1));
                for (ConsumerRecord<String, String> record : records) {
                    System.out.println(line(json.readTree(record.value())));
                }
                consumer.commitSync(); // after the work: what was not committed comes again after a crash
            }
        } catch (WakeupException stopped) {
            // Ctrl-C
        }
    }

    static String line(JsonNode event) {
        JsonNode occurred = event.path("occurred"); // null for resync; its earliest is null for baseline
        return String.join(" ",
                event.path("tenant").asText(),
                event.path("agent").path("id").asText(),
                "#" + event.path("sequence").asText(),
                event.path("change").asText(),
                state(event.path("previous")) + " -> " + state(event.path("current")),
                "between", occurred.path("earliest").asText("?"), "and", occurred.path("latest").asText("?"));
    }

    static String state(JsonNode status) {
        return status.path("state").asText("nothing"); // null: not there
    }
}
